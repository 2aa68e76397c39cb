/** Requests to the HTTPS endpoints of the nodes' agents, for whoever may read the instance's admin kubeconfig. */
import { agentPort } from '#lab/config.ts';
import { HttpApiClient, type HttpClientOptions } from '#machinery/http-client.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';

/** A way to the agents. Ends with `close`. */
export interface Agents {
  /** Posts to a path below a node's endpoint; its parts are encoded. */
  post(node: string, path: readonly string[], body: unknown): Promise<unknown>;
  close(): void;
}

/** Opens it; nothing is connected before the first request. */
export function openAgents(
  kubeconfig: string,
  addressOfNode: (node: string) => string,
  options: HttpClientOptions = {},
): Agents {
  const connection = loadKubeconfig(kubeconfig);
  const clients = new Map<string, HttpApiClient>();
  const clientOf = (node: string): HttpApiClient => {
    const known = clients.get(node);
    if (known !== undefined) {
      return known;
    }
    const server = `https://${addressOfNode(node)}:${agentPort}`;
    const made = new HttpApiClient({ ...connection, server }, options);
    clients.set(node, made);
    return made;
  };
  return {
    post: (node, path, body) =>
      clientOf(node).request('POST', `/${path.map(encodeURIComponent).join('/')}`, body),
    close() {
      for (const client of clients.values()) {
        client.close();
      }
    },
  };
}
