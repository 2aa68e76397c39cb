/** Containers' logs, which conmon writes. */
import { rename, rm, stat, writeFile } from 'node:fs/promises';
import { writeControl } from './exec.ts';
import type { RunPaths } from './paths.ts';

/** A log this long, bytes, is put aside as `log.1`, as kubelet does. */
const longestLog = 10 * 1024 * 1024;

/** Puts a log aside once it is too long. Rejects when there is none. */
export async function rotateLog(paths: RunPaths): Promise<void> {
  if ((await stat(paths.log)).size <= longestLog) {
    return;
  }
  await rm(`${paths.log}.1`, { force: true });
  await rename(paths.log, `${paths.log}.1`);
  await writeFile(paths.log, '', { mode: 0o600 });
  // conmon opens its log anew.
  await writeControl(paths, '2 0 0\n');
}
