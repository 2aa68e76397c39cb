/** Connections of the API server to a port of a pod's address (`pods/proxy`). */
import type { Duplex } from 'node:stream';
import type { Pod } from '#api/core/pod.ts';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** Milliseconds until somebody must have answered. */
const dialMs = 10_000;

/** What is connected: a pod's port, in the pod's network namespace. */
export interface ConnectTarget {
  readonly driver: Pick<ContainerDriver, 'connect' | 'reaches'>;
  readonly netns: string;
  readonly pod: Pod;
  readonly port: number;
}

/** Switches a connection to the bytes of a TCP connection. @throws PatchbayError `BadGateway` when nobody listens. */
export async function serveConnect(
  { driver, netns, pod, port }: ConnectTarget,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const address = pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? '';
  if (address === '') {
    throw unreachable(`pod "${pod.metadata.name}" has no address yet`);
  }
  if (!(await driver.reaches(netns, port, address, dialMs))) {
    const shown = address.includes(':') ? `[${address}]` : address;
    throw unreachable(`dial tcp ${shown}:${port}: connect: connection refused`);
  }
  const session = driver.connect(netns, port, address);
  session.stdin.on('error', () => socket.destroy());
  socket.once('close', () => session.kill());
  socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: tcp\r\n\r\n');
  if (head.length > 0) {
    session.stdin.write(head);
  }
  socket.pipe(session.stdin);
  session.stdout.pipe(socket);
  session.stderr.resume();
}

function unreachable(why: string): PatchbayError {
  return new PatchbayError('BadGateway', why, { retryable: true });
}
