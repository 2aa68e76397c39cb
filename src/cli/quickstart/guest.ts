/** Runs commands inside guests, through the HTTPS endpoint of the agent of the guest's node. */
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { agentPort } from '#lab/config.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { HttpApiClient } from '#machinery/http-client.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';

/** What a command in a guest did. */
export interface GuestResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell script in a guest: `$1`, `$2`, … are `words`, which are never parsed as script. */
export type RunInGuest = (
  vmi: VirtualMachineInstance,
  script: string,
  ...words: readonly string[]
) => Promise<GuestResult>;

const timeoutMs = 20_000;

/** A way into the guests of an instance for whoever may read its admin kubeconfig. Ends with `close`. */
export function openGuests(
  kubeconfig: string,
  addressOfNode: (node: string) => string,
): { readonly run: RunInGuest; readonly close: () => void } {
  const connection = loadKubeconfig(kubeconfig);
  const clients = new Map<string, HttpApiClient>();
  const clientOf = (node: string): HttpApiClient => {
    const known = clients.get(node);
    if (known !== undefined) {
      return known;
    }
    const made = new HttpApiClient({ ...connection, server: `https://${addressOfNode(node)}:${agentPort}` });
    clients.set(node, made);
    return made;
  };
  return {
    run: async (vmi, script, ...words) => {
      const { namespace = '', name } = vmi.metadata;
      const path = `/vmis/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/guest-exec`;
      const argv = ['sh', '-c', script, 'sh', ...words];
      return parseResult(
        `${namespace}/${name}`,
        await clientOf(vmi.status?.nodeName ?? '').request('POST', path, { argv, timeoutMs }),
      );
    },
    close: () => {
      for (const client of clients.values()) {
        client.close();
      }
    },
  };
}

/** Guests are hostile: their answer is taken apart, not trusted. */
function parseResult(guest: string, answer: unknown): GuestResult {
  const { exitCode, stdout, stderr } = (
    typeof answer === 'object' && answer !== null ? answer : {}
  ) as Record<string, unknown>;
  if (typeof exitCode !== 'number' || typeof stdout !== 'string' || typeof stderr !== 'string') {
    throw new PatchbayError(
      'GuestExecFailed',
      `guest ${guest}: the agent answered ${JSON.stringify(answer)?.slice(0, 200) ?? 'nothing'}`,
    );
  }
  return { exitCode, stdout, stderr };
}
