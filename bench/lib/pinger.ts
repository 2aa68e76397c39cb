/** Pings a guest from its sandbox until it answers. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { run } from '#drivers/command.ts';

/** Address of every guest behind masquerade. */
const guestAddress = '10.0.2.2';
/** Its gateway's link in the sandbox, 10.0.2.1. */
const guestBridge = 'k6t-eth0';
const program = path.resolve(import.meta.dirname, '../ping.py');

/**
 * Pings 10.0.2.2 every 5 ms and resolves with the time (ms since the epoch) of the first answer. The kernel asks for the
 * guest's MAC every 10 ms instead of every second, so that the answer is seen when it comes.
 */
export async function firstAnswer(netns: string, signal: AbortSignal, timeoutMs = 60_000): Promise<number> {
  await run(['sysctl', '-q', '-w', `net.ipv4.neigh.${guestBridge}.retrans_time_ms=10`], { netns });
  const argv = [`--net=/run/netns/${netns}`, '--', 'python3', program, guestAddress];
  const child = spawn('nsenter', argv, { stdio: ['ignore', 'pipe', 'inherit'], timeout: timeoutMs });
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.stdout.on('data', (chunk: Buffer) => resolve(Number(chunk.toString()) / 1e6));
  child.once('error', reject);
  child.once('close', () => reject(new Error(`the guest in ${netns} did not answer in ${timeoutMs} ms`)));
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    return await promise;
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill();
  }
}
