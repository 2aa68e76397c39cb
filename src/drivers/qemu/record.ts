/** What is written down of a launched machine, so that the next agent process can adopt it. */
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import { isVmUid, type VmPaths, vmsDirectory } from './paths.ts';
import { isMissing, type ProcessId, type QemuUser } from './process.ts';

/** Contents of `vm.json`. */
export interface VmRecord {
  readonly vm: VirtualMachineState;
  /** Absent between the making of the directory and QEMU's start. */
  readonly process?: ProcessId;
  /** ISO 8601. */
  readonly startedAt: string;
}

/** Makes the machine's directories; what an earlier launch left in them is removed. */
export async function makeDirectories(paths: VmPaths, user: QemuUser): Promise<void> {
  const left = await Promise.all([exists(paths.directory), exists(paths.scratch)]);
  if (left.includes(true)) {
    await removeDirectories(paths);
  }
  const ours = async (): Promise<void> => {
    await makeReadable(paths.directory, user);
    await mkdir(paths.runtime, { mode: 0o700 });
    await chown(paths.runtime, user.uid, user.gid);
  };
  await Promise.all([
    ours(),
    paths.scratch === paths.directory ? undefined : makeReadable(paths.scratch, user),
  ]);
}

async function makeReadable(directory: string, user: QemuUser): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o750 });
  await chown(directory, 0, user.gid);
  // Whatever our umask is: QEMU's user must get through.
  await chmod(directory, 0o750);
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) {
      return false;
    }
    throw error;
  }
}

/** Removes everything of a machine. Only when its QEMU is gone. */
export async function removeDirectories(paths: VmPaths): Promise<void> {
  await removeUntrusted(paths.runtime);
  await rm(paths.directory, { recursive: true, force: true });
  if (paths.scratch !== paths.directory) {
    await rm(paths.scratch, { recursive: true, force: true });
  }
}

/**
 * Removes QEMU's own directory. It is taken from QEMU's user first, so that nobody can exchange an entry for a link
 * while it is walked; directories in it, which QEMU never makes, are left to `rm`, which holds on to what it walks.
 */
async function removeUntrusted(directory: string): Promise<void> {
  try {
    await chown(directory, 0, 0);
  } catch (error) {
    if (isMissing(error)) {
      return;
    }
    throw error;
  }
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    if ((await lstat(path)).isDirectory()) {
      await run(['rm', '-rf', '--one-file-system', '--', path]);
    } else {
      await unlink(path);
    }
  }
}

/** Replaces the record in one step. */
export async function writeRecord(paths: VmPaths, record: VmRecord): Promise<void> {
  const next = `${paths.record}.next`;
  await writeFile(next, JSON.stringify(record), { mode: 0o600 });
  await rename(next, paths.record);
}

/** Undefined when there is none. @throws PatchbayError `VmRecordBroken` */
export async function readRecord(paths: VmPaths): Promise<VmRecord | undefined> {
  let text: string;
  try {
    text = await readFile(paths.record, 'utf8');
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
  try {
    // The file is ours alone: its directory belongs to root.
    return JSON.parse(text) as VmRecord;
  } catch (cause) {
    throw new PatchbayError(
      'VmRecordBroken',
      `${paths.record} is no JSON; remove it after its QEMU is gone`,
      { cause },
    );
  }
}

/** Uids of machines that have a directory. */
export async function listVmDirectories(runDir: string): Promise<readonly string[]> {
  try {
    return (await readdir(vmsDirectory(runDir))).filter(isVmUid);
  } catch (error) {
    if (isMissing(error)) {
      return [];
    }
    throw error;
  }
}
