/** Where the program that measures reachability runs: guests by their agent, pods by their node's. */
import { randomBytes } from 'node:crypto';
import { composeReach, noBusybox, type ReachRequest } from '#drivers/reach/program.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Host } from '#verify/nics.ts';
import type { Agents } from '../agents.ts';
import { parseResult } from '../quickstart/guest.ts';

/** Longest time a request may take in a guest, ms. */
const guestTimeoutMs = 120_000;
/** How long its answer is waited for, ms. */
export const answerTimeoutMs = 130_000;

/** The place has no busybox: nothing can be measured there. */
export class NotEquipped extends PatchbayError {}

/** Runs requests at hosts. */
export interface Sites {
  /** What tells this run apart from others. */
  readonly run: string;
  /** Resolves with what the program printed. Rejects with NotEquipped, or a PatchbayError that names the host. */
  ask(host: Host, request: ReachRequest): Promise<string>;
}

/** Makes the way to hosts; nothing is connected yet. */
export function openSites(agents: Agents): Sites {
  const run = randomBytes(6).toString('hex');
  return {
    run,
    async ask(host, request) {
      const where = `${host.kind} ${host.namespace}/${host.name}`;
      const answer =
        host.kind === 'pod'
          ? await agents.post(host.node, ['pods', host.namespace, host.name, 'reach'], request)
          : await agents.post(host.node, ['vmis', host.namespace, host.name, 'guest-exec'], {
              ...composeReach(request, `/run/patchbay-verify-${run}`),
              timeoutMs: guestTimeoutMs,
            });
      const { exitCode, stdout, stderr } = parseResult(where, answer);
      if (exitCode === noBusybox) {
        throw new NotEquipped('NotEquipped', `${where} has no busybox`, { retryable: false });
      }
      if (exitCode !== 0) {
        throw new PatchbayError(
          'ProbeFailed',
          `${where}: ${stderr.trim().slice(0, 200) || `exit ${exitCode}`}`,
        );
      }
      return stdout;
    },
  };
}
