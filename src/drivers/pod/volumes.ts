/** Volumes of a pod on the node, and its `/etc/hosts`, `/etc/resolv.conf`, `/etc/hostname`. */
import { randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { VolumeContents } from './driver.ts';

/** The link that leads to the files as they are now. */
const data = '..data';

/** Makes the volumes; returns their directories by name. What is as wanted already is left alone. */
export async function prepareVolumes(
  podDirectory: string,
  volumes: readonly VolumeContents[],
): Promise<ReadonlyMap<string, string>> {
  const made = new Map<string, string>();
  for (const volume of volumes) {
    const directory = path.join(podDirectory, 'volumes', checkedName(volume.name));
    await mkdir(path.dirname(directory), { recursive: true, mode: 0o700 });
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await fill(directory, volume);
    made.set(volume.name, directory);
  }
  return made;
}

async function fill(directory: string, { type, files = [], size, gid }: VolumeContents): Promise<void> {
  if (type === 'files') {
    await writeFiles(directory, files, gid);
    return;
  }
  if (type === 'memory' && !(await isMounted(directory))) {
    const options = ['nosuid', 'nodev', 'mode=1777', ...(size === undefined ? [] : [`size=${size}`])].join(
      ',',
    );
    await run(['mount', '-t', 'tmpfs', '-o', options, 'patchbay', directory]);
  }
  if (gid === undefined) {
    await chmod(directory, 0o777);
  } else {
    await chown(directory, -1, gid);
    await chmod(directory, 0o2777);
  }
}

/**
 * As kubelet's atomic writer: files are in a directory of their own, `..data` leads there, and what is seen leads
 * through `..data`. A new version becomes visible as one. Whoever was killed at any step of this is taken over from.
 */
async function writeFiles(
  directory: string,
  files: NonNullable<VolumeContents['files']>,
  gid: number | undefined,
): Promise<void> {
  const link = path.join(directory, data);
  const before = await readlink(link).catch(undefinedWhenMissing);
  if (before === undefined || !(await isSame(path.join(directory, before), files))) {
    await replaceVersion(directory, files, gid);
  }
  const names = new Set(files.map((file) => file.path.split('/')[0] ?? ''));
  for (const name of names) {
    const seen = path.join(directory, name);
    if ((await lstat(seen).catch(undefinedWhenMissing)) === undefined) {
      await symlink(path.join(data, name), seen);
    }
  }
  const current = await readlink(link);
  for (const name of await readdir(directory)) {
    const isStale = name.startsWith('..') ? name !== data && name !== current : !names.has(name);
    if (isStale) await rm(path.join(directory, name), { recursive: true, force: true });
  }
}

/** Writes the files into a new directory and lets `..data` lead there. */
async function replaceVersion(
  directory: string,
  files: NonNullable<VolumeContents['files']>,
  gid: number | undefined,
): Promise<void> {
  const version = `..${new Date().toISOString().replaceAll(/[-:T]/g, '_').replace('Z', '')}.${randomUUID().slice(0, 8)}`;
  const target = path.join(directory, version);
  await mkdir(target, { mode: 0o755 });
  for (const { path: file, mode, content } of files) {
    const at = path.join(target, checkedPath(file));
    await mkdir(path.dirname(at), { recursive: true, mode: 0o755 });
    await writeFile(at, content, { mode });
    await chmod(at, gid === undefined ? mode : mode | 0o040);
    if (gid !== undefined) await chown(at, -1, gid);
  }
  const next = path.join(directory, `${data}.next`);
  await rm(next, { force: true }); // of one who was killed before the rename
  await symlink(version, next);
  await rename(next, path.join(directory, data));
}

/** True when a version holds these files and no others. */
async function isSame(directory: string, files: NonNullable<VolumeContents['files']>): Promise<boolean> {
  const there = await readdir(directory, { recursive: true, withFileTypes: true }).catch(
    undefinedWhenMissing,
  );
  if (there?.filter((entry) => entry.isFile()).length !== files.length) {
    return false;
  }
  for (const { path: file, content } of files) {
    const held = await readFile(path.join(directory, checkedPath(file))).catch(undefinedWhenMissing);
    if (held === undefined || Buffer.compare(held, content) !== 0) return false;
  }
  return true;
}

/** Writes the small files of `/etc` that all containers of a pod share; returns their directory. */
export async function prepareEtc(
  podDirectory: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const directory = path.join(podDirectory, 'etc');
  await mkdir(directory, { recursive: true, mode: 0o755 });
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, checkedName(name));
    if ((await readFile(file, 'utf8').catch(undefinedWhenMissing)) !== text) {
      // In place: containers have this very file mounted.
      await writeFile(file, text, { mode: 0o644 });
    }
  }
  return directory;
}

/** Takes tmpfs volumes of a pod away. */
export async function unmountVolumes(podDirectory: string): Promise<void> {
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const point of mounts.filter((one) => one.startsWith(`${podDirectory}/`)).toReversed()) {
    await run(['umount', '--lazy', point]);
  }
}

async function isMounted(directory: string): Promise<boolean> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  return text.split('\n').some((line) => line.split(' ')[1] === directory);
}

function checkedName(name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) {
    throw refused(name);
  }
  return name;
}

function checkedPath(file: string): string {
  const parts = file.split('/');
  if (path.isAbsolute(file) || parts.includes('..') || parts.includes('') || file.startsWith('..')) {
    throw refused(file);
  }
  return file;
}

function refused(name: string): PatchbayError {
  return new PatchbayError('InvalidVolume', `${JSON.stringify(name)} is no relative path without ".."`, {
    retryable: false,
  });
}

function undefinedWhenMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
