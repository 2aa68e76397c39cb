/** The machine's own root file system as a container may see it: programs and settings, no state and no secrets. */
import { lstat, readdir } from 'node:fs/promises';
import path from 'node:path';
import type { EnterStep } from './enter.ts';
import type { RunPaths } from './paths.ts';

/** What is shown of `/`; everything else is not there. */
const shown = new Set(['bin', 'etc', 'lib', 'lib32', 'lib64', 'libx32', 'sbin', 'usr']);

/** Secrets by place, besides everything in `/etc` that only its owner may read. */
const secretPaths = [
  '/etc/gshadow',
  '/etc/gshadow-',
  '/etc/kubernetes',
  '/etc/letsencrypt',
  '/etc/NetworkManager/system-connections',
  '/etc/openvswitch',
  '/etc/shadow',
  '/etc/shadow-',
  '/etc/ssh',
  '/etc/ssl/private',
  '/etc/sudoers',
  '/etc/sudoers.d',
  '/etc/wireguard',
];

/**
 * Mounts an overlay over `/`. Its upper layer is in memory: one on the same file system may not lie below, and mount
 * points that crun makes must never be made on the machine.
 */
export async function hostRootSteps(paths: RunPaths, root = '/'): Promise<readonly EnterStep[]> {
  const entries = await readdir(root);
  return [
    { do: 'mount', type: 'tmpfs', options: 'size=8m,mode=0755', target: paths.scratch },
    { do: 'mkdir', path: paths.upper },
    { do: 'mkdir', path: paths.work },
    ...entries
      .filter((name) => !shown.has(name))
      .map((name): EnterStep => ({ do: 'hide', path: path.join(paths.upper, name) })),
    {
      do: 'mount',
      type: 'overlay',
      options: `nodev,lowerdir=${root},upperdir=${paths.upper},workdir=${paths.work}`,
      target: paths.rootfs,
    },
  ];
}

/** Mounts an unpacked image with a layer of the container's own. */
export function imageRootSteps(paths: RunPaths, lower: string): readonly EnterStep[] {
  return [
    {
      do: 'mount',
      type: 'overlay',
      options: `nodev,lowerdir=${lower},upperdir=${paths.upper},workdir=${paths.work}`,
      target: paths.rootfs,
    },
  ];
}

/** Paths below `/etc` that not everybody may read: keys, password hashes, credentials. */
export async function hostSecrets(directory = '/etc'): Promise<readonly string[]> {
  const found = await unreadable(directory);
  return [...new Set([...secretPaths, ...found])].toSorted();
}

async function unreadable(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory);
  const lists = await Promise.all(
    names.map(async (name) => {
      const file = path.join(directory, name);
      const entry = await lstat(file).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return undefined;
        throw error;
      });
      if (entry === undefined || entry.isSymbolicLink()) {
        return [];
      }
      const needed = entry.isDirectory() ? 0o005 : 0o004;
      if ((entry.mode & needed) !== needed) {
        return [file];
      }
      return entry.isDirectory() ? unreadable(file) : [];
    }),
  );
  return lists.flat();
}
