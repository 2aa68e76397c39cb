/** Where the program that measures reachability runs: guests by their agent, pods by their node's. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { composeReach, noBusybox, type ReachRequest } from '#drivers/reach/program.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Host } from '#verify/nics.ts';
import type { Agents } from '../agents.ts';
import { parseResult } from '../quickstart/guest.ts';

/** Longest time a request may take in a guest, ms. */
const guestTimeoutMs = 120_000;
/** How long its answer is waited for, ms. */
export const answerTimeoutMs = 130_000;

/** Before what failed on the way is asked for again, ms: a guest's agent takes a moment to be heard again. */
const usualPauseMs = 1_000;

/** The place has no busybox: nothing can be measured there. */
export class NotEquipped extends PatchbayError {}

/** Runs requests at hosts. */
export interface Sites {
  /** What tells this run apart from others. */
  readonly run: string;
  /**
   * Resolves with what the program printed. What failed on the way (a connection, a guest's agent that is late) is asked
   * for once more: every request may be made twice.
   * @throws NotEquipped, or a PatchbayError that names the host
   */
  ask(host: Host, request: ReachRequest): Promise<string>;
}

/**
 * Makes the way to hosts; nothing is connected yet.
 * @param signal once it aborts nothing is asked for again: what it started has been stopped by then
 */
export function openSites(agents: Agents, signal: AbortSignal, pauseMs = usualPauseMs): Sites {
  const run = randomBytes(6).toString('hex');
  const once = async (host: Host, request: ReachRequest): Promise<string> => {
    const where = nameOf(host);
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
      const why = stderr.trim().slice(0, 200) || `exit ${exitCode}`;
      throw new PatchbayError('ProbeFailed', `${where}: ${why}`, { retryable: false });
    }
    return stdout;
  };
  return {
    run,
    async ask(host, request) {
      try {
        return await once(host, request);
      } catch (error) {
        if (!(error instanceof PatchbayError) || !error.retryable) {
          throw error;
        }
      }
      await delay(pauseMs, undefined, { signal });
      try {
        if (request.verb === 'listen') {
          await once(host, { verb: 'stop', run }); // It may have begun.
        }
        return await once(host, request);
      } catch (cause) {
        throw cause instanceof NotEquipped
          ? cause
          : new PatchbayError('ProbeFailed', `${nameOf(host)}, asked twice: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

function nameOf({ kind, namespace, name }: Host): string {
  return `${kind} ${namespace}/${name}`;
}
