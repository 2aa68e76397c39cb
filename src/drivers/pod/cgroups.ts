/** Control groups of pods: where they are, their limits, and their removal. */
import { mkdir, readdir, readFile, rmdir, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PodLimits } from '#node-state/container.ts';
import { cpuPeriod } from './oci-config.ts';

const root = '/sys/fs/cgroup';
/** `statfs` type of the unified hierarchy. */
const cgroup2 = 0x63677270;

/** Path of a container's group in every hierarchy. */
export function cgroupPath(tag: string, podUid: string, id: string): string {
  return `/patchbay/${tag}/${podUid}/${id}`;
}

/** Makes the group above those of a pod's containers, and limits it. */
export async function limitPodGroup(tag: string, podUid: string, limits: PodLimits): Promise<void> {
  const group = ['patchbay', tag, podUid];
  const isUnified = (await statfs(root)).type === cgroup2;
  if (isUnified) {
    await mkdir(path.join(root, ...group), { recursive: true });
    // A group has the files of a controller only when those above pass it on.
    for (const depth of group.keys()) {
      const above = path.join(root, ...group.slice(0, depth), 'cgroup.subtree_control');
      await writeFile(above, '+cpu +memory');
    }
  }
  for (const { controller, file, value } of limitFiles(limits, isUnified)) {
    const directory = path.join(root, isUnified ? '' : controller, ...group);
    await mkdir(directory, { recursive: true });
    await writeFile(path.join(directory, file), value);
  }
}

/** What is written to limit a group, in this order; in the unified hierarchy shares of 2 to 262144 are weights of 1 to 10000. */
export function limitFiles(
  { cpuShares, cpuQuota, memory }: PodLimits,
  isUnified: boolean,
): readonly { readonly controller: 'cpu' | 'memory'; readonly file: string; readonly value: string }[] {
  const weight = (shares: number): number => 1 + Math.floor(((shares - 2) * 9999) / 262_142);
  const written = (controller: 'cpu' | 'memory', file: string, value: string | number) => [
    { controller, file, value: String(value) },
  ];
  return isUnified
    ? [
        ...(cpuShares === undefined ? [] : written('cpu', 'cpu.weight', weight(cpuShares))),
        ...(cpuQuota === undefined ? [] : written('cpu', 'cpu.max', `${cpuQuota} ${cpuPeriod}`)),
        ...(memory === undefined ? [] : written('memory', 'memory.max', memory)),
      ]
    : [
        ...(cpuShares === undefined ? [] : written('cpu', 'cpu.shares', cpuShares)),
        ...(cpuQuota === undefined
          ? []
          : [
              ...written('cpu', 'cpu.cfs_period_us', cpuPeriod),
              ...written('cpu', 'cpu.cfs_quota_us', cpuQuota),
            ]),
        ...(memory === undefined ? [] : written('memory', 'memory.limit_in_bytes', memory)),
      ];
}

/**
 * Bytes that the processes of a group hold and the kernel cannot take back at once, in the unified hierarchy; undefined in the
 * older one, whose kernel refuses a limit that it cannot keep.
 */
export async function memoryInUse(group: string, directory = root): Promise<number | undefined> {
  if ((await statfs(directory)).type !== cgroup2) {
    return undefined;
  }
  return workingSet(path.join(directory, group));
}

/** What is used less what can be read again from files. */
export async function workingSet(directory: string): Promise<number> {
  const [current, stat] = await Promise.all(
    ['memory.current', 'memory.stat'].map((name) => readFile(path.join(directory, name), 'utf8')),
  );
  const inactive = /^inactive_file (\d+)$/m.exec(stat ?? '')?.[1] ?? 0;
  return Math.max(0, Number(current) - Number(inactive));
}

/** Removes the groups of a pod, and those above when nothing is left in them. */
export async function removeCgroups(tag: string, podUid: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const pod = path.join(hierarchy, 'patchbay', tag, podUid);
    for (const name of await subgroups(pod)) {
      await removeEmpty(path.join(pod, name));
    }
    await removeEmpty(pod);
    await removeAbove(hierarchy, tag);
  }
}

/** Removes the groups of a node's pods that are gone, and those above when nothing is left in them. */
export async function sweepCgroups(tag: string, isThere: (podUid: string) => boolean): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    for (const podUid of await subgroups(path.join(hierarchy, 'patchbay', tag))) {
      if (!isThere(podUid)) await removeCgroups(tag, podUid);
    }
    await removeAbove(hierarchy, tag);
  }
}

/** Removes the groups of all pods of nodes whose tag begins with `prefix`, once nothing runs in them. */
export async function removeCgroupsOf(prefix: string): Promise<void> {
  for (const hierarchy of await hierarchies()) {
    const tags = (await subgroups(path.join(hierarchy, 'patchbay'))).filter((tag) => tag.startsWith(prefix));
    const pods = tags.map(async (tag) => {
      for (const podUid of await subgroups(path.join(hierarchy, 'patchbay', tag)))
        await removeCgroups(tag, podUid);
    });
    await Promise.all(pods);
  }
}

async function removeAbove(hierarchy: string, tag: string): Promise<void> {
  await removeEmpty(path.join(hierarchy, 'patchbay', tag));
  await removeEmpty(path.join(hierarchy, 'patchbay'));
}

async function hierarchies(): Promise<readonly string[]> {
  if ((await statfs(root)).type === cgroup2) {
    return [root];
  }
  return (await readdir(root)).map((name) => path.join(root, name));
}

async function subgroups(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

async function removeEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOENT', 'EBUSY', 'ENOTEMPTY', 'EINVAL', 'ENOTDIR'].includes(code)) throw error;
  }
}
