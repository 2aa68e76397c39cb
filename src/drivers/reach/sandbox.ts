/** Runs the program that measures reachability in the network namespace of a pod. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import type { GuestExecResult } from '#drivers/guest/driver.ts';
import { composeReach, type ReachRequest } from './program.ts';

/** Longest time a request may take, ms. */
const timeoutMs = 120_000;

/** Measures from network namespaces of this node. */
export interface ReachDriver {
  /** Carries a request out in a named network namespace; rejects with a PatchbayError `CommandFailed`. */
  run(netns: string, request: ReachRequest): Promise<GuestExecResult>;
}

/** Makes the driver; listeners keep what they serve below `runDir`/reach. */
export function createReachDriver({ runDir }: { readonly runDir: string }): ReachDriver {
  const root = path.join(runDir, 'reach');
  return {
    async run(netns, request) {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const own = 'run' in request ? `${netns}-${request.run}` : netns;
      const { argv, input } = composeReach(request, path.join(root, own));
      const result = await run(argv, { netns, timeoutMs, ...(input !== undefined && { input }) });
      return { exitCode: 0, ...result, truncated: false };
    },
  };
}
