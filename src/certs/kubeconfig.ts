/** What a client needs to reach and be known to one API server. */
export interface KubeconfigContent {
  /** Name of cluster, user and context. */
  readonly name: string;
  /** Such as `https://127.0.0.1:6443`. */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate. */
  readonly ca: string;
  /** PEM of the client's certificate and key. */
  readonly cert: string;
  readonly key: string;
  readonly namespace?: string;
}

/** A kubeconfig with everything inline, as YAML (its JSON subset, which every client reads). */
export function renderKubeconfig(content: KubeconfigContent): string {
  const { name, server, namespace } = content;
  const inline = (pem: string) => Buffer.from(pem, 'utf8').toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': inline(content.ca) } }],
    users: [
      {
        name,
        user: { 'client-certificate-data': inline(content.cert), 'client-key-data': inline(content.key) },
      },
    ],
    contexts: [
      { name, context: { cluster: name, user: name, ...(namespace === undefined ? {} : { namespace }) } },
    ],
    'current-context': name,
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}
