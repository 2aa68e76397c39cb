/** One instance for all files of this folder: whatever an earlier run left is removed first, and it is removed after. */
import { instance, patchbay } from './patchbay.ts';

/** Runs before the first file; what it returns runs after the last. */
export default async function setup(): Promise<() => Promise<void>> {
  await remove();
  return remove;
}

async function remove(): Promise<void> {
  const { status, stdout, stderr } = await patchbay(['down']);
  if (status !== 0) {
    throw new Error(`patchbay down --name ${instance} left something:\n${stdout}${stderr}`);
  }
}
