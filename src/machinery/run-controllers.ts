import { type Clock, systemClock } from './clock.ts';
import type { Controller } from './controller.ts';
import { isConflict, messageOf, PatchbayError } from './errors.ts';
import type { Log } from './log.ts';
import type { QueueMetrics } from './queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';

/** What loops run with. */
export interface RunOptions {
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly clock?: Clock;
  /** Counts what their queues do. */
  readonly metrics?: QueueMetrics;
}

/**
 * Runs every controller until `signal` aborts, and resolves when the last pass is over. The informers must be started
 * by whoever made them; a controller begins when all of its informers are synced. A pass that throws is retried with
 * back-off, unless its error says that only another input can help.
 */
export async function runControllers(controllers: readonly Controller[], options: RunOptions): Promise<void> {
  await Promise.all(controllers.map((controller) => runController(controller, options)));
}

async function runController(controller: Controller, options: RunOptions): Promise<void> {
  const { signal, log } = options;
  const queue = new WorkQueue({
    clock: options.clock ?? systemClock,
    observer: options.metrics?.observer(controller.name),
  });
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) {
      resolve();
    }
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([aborted, Promise.all(controller.sources.map(({ informer }) => informer.synced))]);
  if (signal.aborted) {
    return;
  }
  const unsubscribe = controller.sources.map(({ informer, keys }) =>
    informer.subscribe((event) => {
      for (const key of keys(event)) {
        queue.add(key);
      }
    }),
  );
  signal.addEventListener('abort', () => queue.close(), { once: true });
  log.debug({ controller: controller.name }, 'controller started');
  await Promise.all(Array.from({ length: controller.workers ?? 1 }, () => work(controller, queue, options)));
  for (const stop of unsubscribe) {
    stop();
  }
}

async function work(controller: Controller, queue: WorkQueue, options: RunOptions): Promise<void> {
  for (;;) {
    const key = await queue.next();
    if (key === undefined) {
      return;
    }
    await pass(controller, queue, key, options);
    queue.done(key);
  }
}

async function pass(
  controller: Controller,
  queue: WorkQueue,
  key: string,
  options: RunOptions,
): Promise<void> {
  try {
    const result = await controller.reconcile(key, options.signal);
    queue.forget(key);
    if (result?.requeueAfter !== undefined) {
      queue.addAfter(key, result.requeueAfter);
    }
  } catch (error) {
    if (!options.signal.aborted) {
      fail(controller, queue, key, error, options.log);
    }
  }
}

function fail(controller: Controller, queue: WorkQueue, key: string, error: unknown, log: Log): void {
  const fields = { controller: controller.name, key, error: messageOf(error) };
  if (error instanceof PatchbayError && !error.retryable) {
    queue.forget(key);
    log.error({ ...fields, reason: error.reason }, 'pass failed; waits for another input');
    return;
  }
  const retryInMs = queue.retry(key);
  if (isConflict(error)) {
    log.debug({ ...fields, retryInMs }, 'somebody else wrote first; looks again');
    return;
  }
  const stack = error instanceof PatchbayError || !(error instanceof Error) ? {} : { stack: error.stack };
  log.warn({ ...fields, ...stack, retryInMs }, 'pass failed');
}
