import { readdir } from 'node:fs/promises';

/** Ids of all processes of the machine. */
export async function listProcesses(): Promise<readonly number[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
}
