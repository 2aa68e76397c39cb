/** When programs are executed, to the microsecond: the kernel tells (inotify) that QEMU's file is opened. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A running watch. */
export interface ExecWatch {
  /** The first time (ms since the epoch) at or after another at which the program was executed. */
  firstSince(time: number): number | undefined;
  close(): void;
}

/** Watches a program; resolves once the watch stands. Runs of others are seen, too: tell them apart by time. */
export async function watchExecs(program: string): Promise<ExecWatch> {
  const script = path.resolve(import.meta.dirname, '../exec-watch.py');
  const child = spawn('python3', [script, program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const times: number[] = [];
  let unread = '';
  await once(child.stdout, 'data');
  child.stdout.on('data', (chunk: Buffer) => {
    const lines = (unread + chunk.toString()).split('\n');
    unread = lines.pop() ?? '';
    times.push(...lines.map((line) => Number(line) / 1e6));
  });
  return {
    firstSince: (time) => times.find((each) => each >= time),
    close: () => void child.kill(),
  };
}
