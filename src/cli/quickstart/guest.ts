/** Runs commands inside guests, through the HTTPS endpoint of the agent of the guest's node. */
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { openAgents } from '../agents.ts';

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
  const agents = openAgents(kubeconfig, addressOfNode);
  return {
    run: async (vmi, script, ...words) => {
      const { namespace = '', name } = vmi.metadata;
      const argv = ['sh', '-c', script, 'sh', ...words];
      const answer = await agents.post(vmi.status?.nodeName ?? '', ['vmis', namespace, name, 'guest-exec'], {
        argv,
        timeoutMs,
      });
      return parseResult(`guest ${namespace}/${name}`, answer);
    },
    close: () => agents.close(),
  };
}

/** What a command did, from an agent's answer; guests are hostile: it is taken apart, not trusted. */
export function parseResult(where: string, answer: unknown): GuestResult {
  const { exitCode, stdout, stderr } = (
    typeof answer === 'object' && answer !== null ? answer : {}
  ) as Record<string, unknown>;
  if (typeof exitCode !== 'number' || typeof stdout !== 'string' || typeof stderr !== 'string') {
    throw new PatchbayError(
      'GuestExecFailed',
      `${where}: the agent answered ${JSON.stringify(answer)?.slice(0, 200) ?? 'nothing'}`,
    );
  }
  return { exitCode, stdout, stderr };
}
