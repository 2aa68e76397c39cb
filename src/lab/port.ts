/** Chooses the API server's port. */
import { createServer } from 'node:net';
import { PatchbayError } from '#machinery/errors.ts';
import { machineSubnets } from './plan.ts';

const firstPort = 6443;
const lastPort = 6542;

/**
 * The port asked for, else the one the instance had, else the first free one from 6443 on. Counting begins with the place of
 * the instance's machine network, which it has claimed for itself: instances that start at once do not meet.
 * `isOwn`: the instance runs, so its port is in use by itself.
 * Throws a PatchbayError `PortInUse`.
 */
export async function choosePort(choice: {
  readonly asked: number | undefined;
  readonly before: number | undefined;
  readonly isOwn: boolean;
  /** N of 192.168.N.0/24. */
  readonly machineSubnet: number;
}): Promise<number> {
  const { asked, before, isOwn, machineSubnet } = choice;
  if (asked !== undefined && isOwn && before !== undefined && asked !== before) {
    throw new PatchbayError(
      'PortInUse',
      `--port ${asked} is refused: the instance runs on port ${before}; take it down first (patchbay down --keep-state)`,
      { retryable: false },
    );
  }
  if (before !== undefined && (isOwn || (asked === undefined && (await isFree(before))))) {
    return before;
  }
  if (asked !== undefined) {
    if (await isFree(asked)) {
      return asked;
    }
    throw new PatchbayError(
      'PortInUse',
      `--port ${asked} is refused: something listens on 127.0.0.1:${asked}`,
      {
        retryable: false,
      },
    );
  }
  const count = lastPort - firstPort + 1;
  for (let step = 0; step < count; step++) {
    const port = firstPort + ((machineSubnet - machineSubnets.first + step) % count);
    if (await isFree(port)) {
      return port;
    }
  }
  throw new PatchbayError(
    'PortInUse',
    `every port from ${firstPort} to ${lastPort} is in use on 127.0.0.1; name a free one with --port`,
    { retryable: false },
  );
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') {
        resolve(false);
      } else {
        reject(error);
      }
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
