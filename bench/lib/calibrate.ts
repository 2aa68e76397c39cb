/** What this machine needs for the steps everything is made of, so that figures of two machines can be compared. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Summary, summary } from './stats.ts';

/** Milliseconds of each step. */
export interface Calibration {
  /** A process that does nothing, started and waited for by Node. */
  readonly exec: Summary;
  /** 512 bytes appended to a file below /var/lib and forced to the disk. */
  readonly fdatasync: Summary;
  readonly cores: number;
  /** One-minute load average before the run. */
  readonly load: number;
}

const rounds = 30;

/** Measures; takes about a quarter of a second. */
export async function calibrate(): Promise<Calibration> {
  const load = os.loadavg()[0] ?? 0;
  const exec = await times(async () => {
    await once(spawn('/bin/true', { stdio: 'ignore' }), 'close');
  });
  const directory = await mkdtemp('/var/lib/patchbay-bench-');
  try {
    const file = await open(path.join(directory, 'log'), 'a');
    const block = Buffer.alloc(512);
    const fdatasync = await times(async () => {
      await file.write(block);
      await file.datasync();
    });
    await file.close();
    return { exec: summary(exec), fdatasync: summary(fdatasync), cores: os.cpus().length, load };
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** A calibration as one line. */
export function calibrationLine({ exec, fdatasync, cores, load }: Calibration): string {
  return `machine: ${cores} cores, load ${load.toFixed(2)}, exec of /bin/true p50 ${exec.p50} ms, fdatasync p50 ${fdatasync.p50} ms`;
}

async function times(step: () => Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    await step();
    samples.push(performance.now() - started);
  }
  return samples;
}
