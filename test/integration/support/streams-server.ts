/** An API server that knows one agent, for tests of streams. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import { kinds } from '#api/kinds.ts';
import { startApiServer } from '#apiserver/server.ts';
import { createAuthority, issueCertificate, type KeyPair } from '#certs/certificates.ts';
import { writePrivateFile } from '#certs/files.ts';
import { renderKubeconfig } from '#certs/kubeconfig.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { silentLog } from '#machinery/log.ts';

/** PEM. */
interface ServerTls {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A running server. */
export interface ApiServerUnderTest {
  /** Options of a TLS connection to it. */
  clientTls(user: 'admin' | 'viewer'): ServerTls & { readonly host: string; readonly port: number };
  close(): Promise<void>;
}

/** Starts it with the pods `web` (on the node of the agent) and `unbound`. `startAgent` resolves with its port. */
export async function startUnderTest(
  startAgent: (tls: ServerTls) => Promise<number>,
): Promise<ApiServerUnderTest> {
  const directory = await mkdtemp(path.join(tmpdir(), 't-streams-'));
  const authority = await createAuthority('test');
  const issue = (commonName: string, organizations: readonly string[], usage: 'client' | 'server') =>
    issueCertificate(authority, { commonName, organizations, usage, names: ['127.0.0.1'] });
  const [serving, agentServing, admin, viewer] = await Promise.all([
    issue('kube-apiserver', [], 'server'),
    issue('system:node:n1', ['system:nodes'], 'server'),
    issue('system:admin', ['system:masters'], 'client'),
    issue('viewer', ['viewers'], 'client'),
  ]);
  const agentPort = await startAgent({ ...agentServing, ca: authority.cert });
  const server = await startApiServer({
    kinds,
    storePath: path.join(directory, 'store.db'),
    listen: [{ host: '127.0.0.1', port: 0 }],
    tls: { ...serving, ca: authority.cert },
    agentTls: { ...admin, ca: authority.cert },
    log: silentLog,
  });
  const [url = ''] = server.urls;
  const kubeconfig = path.join(directory, 'kubeconfig');
  await writePrivateFile(
    kubeconfig,
    renderKubeconfig({ name: 'test', server: url, ca: authority.cert, ...admin }),
  );
  await makeObjects(kubeconfig, agentPort);
  const pairs: Readonly<Record<'admin' | 'viewer', KeyPair>> = { admin, viewer };
  return {
    clientTls: (user) => ({
      ...pairs[user],
      ca: authority.cert,
      host: '127.0.0.1',
      port: Number(new URL(url).port),
    }),
    async close() {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}

async function makeObjects(kubeconfig: string, agentPort: number): Promise<void> {
  const client = createApiClient(kubeconfig);
  await client.create(node, { metadata: { name: 'n1' }, spec: {} });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: agentPort } },
  };
  await client.patch(node, { name: 'n1' }, { type: 'merge', body: { status } }, { subresource: 'status' });
  const containers = [{ name: 'main', image: 'localhost/host' }];
  const namespace = 'default';
  await client.create(pod, { metadata: { name: 'web', namespace }, spec: { nodeName: 'n1', containers } });
  await client.create(pod, { metadata: { name: 'unbound', namespace }, spec: { containers } });
  client.close();
}
