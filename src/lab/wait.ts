/** Waits for what tells nobody when it happens. Only Node's own modules and our errors. */
import { setTimeout as delay } from 'node:timers/promises';
import { PatchbayError } from '#machinery/errors.ts';

/**
 * Resolves as soon as `condition` holds, looking every `intervalMs`.
 * Throws a PatchbayError `TimedOut` that names `what` after `timeoutMs`.
 */
export async function until(
  what: string,
  timeoutMs: number,
  condition: () => boolean | Promise<boolean>,
  intervalMs = 10,
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new PatchbayError('TimedOut', `${what}: not there after ${timeoutMs} ms`);
    }
    await delay(intervalMs);
  }
}
