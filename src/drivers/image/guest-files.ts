/** What goes into the guest's initial RAM file system, from Debian packages of this machine and the scripts in guest/. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { CpioEntry } from './cpio.ts';
import { withoutModuleSignature } from './kernel.ts';

const SCRIPTS = fileURLToPath(new URL('guest/', import.meta.url));

/** Modules the guest may load; those a kernel has built in or lacks are left out. Dependencies come by themselves. */
const MODULES = [
  ...[
    'virtio_pci',
    'virtio_net',
    'virtio_blk',
    'virtio_console',
    'virtio-rng',
    'isofs',
    '8021q',
    'button',
    'evdev',
  ],
  ...['e1000e', 'e1000', '8139cp', 'pcnet32', 'ne2k-pci', 'igb'],
];

const PROGRAMS: Readonly<Record<string, string>> = {
  '/usr/sbin/qemu-ga': 'qemu-guest-agent',
  '/usr/sbin/dropbear': 'dropbear-bin',
  '/usr/sbin/dhcpcd': 'dhcpcd-base',
  // busybox has no UDP in its netcat.
  '/usr/bin/nc.openbsd': 'netcat-openbsd',
};

const EXECUTABLE_SCRIPTS = new Set(['dhcp', 'dhcp6', 'late', 'hotplug']);

const DIRECTORIES = [
  ...[
    'bin',
    'sbin',
    'usr',
    'usr/bin',
    'usr/sbin',
    'dev',
    'dev/pts',
    'proc',
    'sys',
    'run',
    'tmp',
    'root',
    'home',
    'seed',
  ],
  ...[
    'etc',
    'etc/acpi',
    'etc/acpi/PWRF',
    'etc/dropbear',
    'var',
    'var/log',
    'var/lib',
    'var/lib/dhcpcd',
    'var/run',
    'lib',
    'lib/guest',
    'lib64',
    'lib/modules',
  ],
];

const ETC: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\n',
  group: 'root:x:0:\ntty:x:5:\n',
  hosts: '127.0.0.1 localhost\n::1 localhost\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
  'resolv.conf': '',
  profile: 'export PATH=/bin:/sbin:/usr/bin:/usr/sbin\n',
  issue: 'Patchbay guest \\n \\l\n\n',
  'os-release':
    'ID=patchbay-guest\nNAME="Patchbay guest"\nPRETTY_NAME="Patchbay guest (Debian kernel, busybox)"\nID_LIKE=debian\nVERSION="1"\nVERSION_ID="1"\n',
  'acpi.map': 'EV_KEY 0x01 KEY_POWER 116 1 PWRF/action\n',
};

/** Everything the image is made of, in archive order. @throws PatchbayError `GuestPackagesMissing` */
export async function collectGuestFiles(kernelVersion: string): Promise<readonly CpioEntry[]> {
  const [busybox, programs, modules, scripts] = await Promise.all([
    collectBusybox(),
    collectPrograms(),
    collectModules(kernelVersion),
    collectScripts(),
  ]);
  const files = [...busybox, ...programs, ...modules, ...scripts, ...configuration()];
  return [...directoriesOf(files), ...files];
}

/** Directories of all files, parents first, besides those that are empty at first. */
function directoriesOf(files: readonly CpioEntry[]): readonly CpioEntry[] {
  const paths = new Set(DIRECTORIES);
  for (const { path } of files) {
    for (let parent = dirname(path); parent !== '.'; parent = dirname(parent)) {
      paths.add(parent);
    }
  }
  return [...paths].sort().map((path) => ({
    type: 'directory',
    path,
    mode: path === 'tmp' ? 0o1777 : path === 'root' ? 0o700 : 0o755,
  }));
}

async function collectBusybox(): Promise<readonly CpioEntry[]> {
  const path = '/bin/busybox';
  const content = await readPackaged(path, 'busybox-static');
  const applets = (await run([path, '--list'])).stdout
    .split('\n')
    .filter((name) => /^[\w[.-]+$/.test(name) && name !== 'busybox');
  const link = (name: string): CpioEntry => ({
    type: 'symlink',
    path: `bin/${name}`,
    target: '/bin/busybox',
  });
  return [
    { type: 'file', path: 'bin/busybox', mode: 0o755, content },
    ...applets.map(link),
    { type: 'symlink', path: 'sbin/getty', target: '/bin/busybox' },
  ];
}

async function collectPrograms(): Promise<readonly CpioEntry[]> {
  const libraries = new Set<string>();
  const entries: CpioEntry[] = [];
  for (const [path, package_] of Object.entries(PROGRAMS)) {
    entries.push({
      type: 'file',
      path: path.slice(1),
      mode: 0o755,
      content: await readPackaged(path, package_),
    });
    for (const library of parseLdd((await run(['ldd', path])).stdout)) {
      libraries.add(library);
    }
  }
  for (const library of [...libraries].sort()) {
    const content = await readFile(await realpath(library));
    // The loader looks in /lib and /usr/lib without a cache file; its own path is fixed in the programs.
    const path = library.startsWith('/lib64/')
      ? library.slice(1)
      : `lib/${library.slice(library.lastIndexOf('/') + 1)}`;
    entries.push({ type: 'file', path, mode: 0o755, content });
  }
  return entries;
}

/** Absolute paths in the output of ldd. */
function parseLdd(output: string): readonly string[] {
  return output.split('\n').flatMap((line) => /(?:=>\s+)?(\/\S+)\s+\(0x/.exec(line)?.[1] ?? []);
}

async function collectModules(kernelVersion: string): Promise<readonly CpioEntry[]> {
  const root = `/lib/modules/${kernelVersion}`;
  const dependencies = parseModulesDep(
    await readPackagedText(`${root}/modules.dep`, 'linux-image-cloud-amd64'),
  );
  const wanted = new Set<string>();
  for (const [path, needs] of dependencies) {
    if (MODULES.some((name) => path.endsWith(`/${name}.ko`))) {
      for (const each of [path, ...needs]) {
        wanted.add(each);
      }
    }
  }
  const list = [...dependencies].filter(([path]) => wanted.has(path));
  const flat = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
  const base = `lib/modules/${kernelVersion}`;
  const modulesDep = list
    .map(([path, needs]) => `${flat(path)}:${needs.map((each) => ` ${flat(each)}`).join('')}\n`)
    .join('');
  return [
    { type: 'file', path: `${base}/modules.dep`, mode: 0o644, content: Buffer.from(modulesDep) },
    ...(await Promise.all(
      [...wanted].sort().map(async (path): Promise<CpioEntry> => {
        const content = withoutModuleSignature(await readFile(join(root, path)));
        return { type: 'file', path: `${base}/${flat(path)}`, mode: 0o644, content };
      }),
    )),
  ];
}

/** `path: dependency dependency …` per line; only uncompressed modules, as Debian 12 has them. */
function parseModulesDep(text: string): ReadonlyMap<string, readonly string[]> {
  const result = new Map<string, readonly string[]>();
  for (const line of text.split('\n')) {
    const [path = '', needs = ''] = line.split(':');
    if (path.endsWith('.ko')) {
      result.set(
        path,
        needs.split(' ').filter((each) => each !== ''),
      );
    }
  }
  return result;
}

async function collectScripts(): Promise<readonly CpioEntry[]> {
  const names = (await readdir(SCRIPTS)).sort();
  return Promise.all(
    names.map(async (name): Promise<CpioEntry> => {
      const content = await readFile(join(SCRIPTS, name));
      if (name === 'init') {
        return { type: 'file', path: 'init', mode: 0o755, content };
      }
      const path = name === 'inittab' ? 'etc/inittab' : `lib/guest/${name}`;
      return { type: 'file', path, mode: EXECUTABLE_SCRIPTS.has(name) ? 0o755 : 0o644, content };
    }),
  );
}

function configuration(): readonly CpioEntry[] {
  const files = Object.entries(ETC).map(
    ([name, text]): CpioEntry => ({
      type: 'file',
      path: `etc/${name}`,
      mode: 0o644,
      content: Buffer.from(text),
    }),
  );
  return [
    ...files,
    { type: 'file', path: 'etc/shadow', mode: 0o600, content: Buffer.from('root:*:19000:0:99999:7:::\n') },
    {
      type: 'file',
      path: 'etc/acpi/PWRF/action',
      mode: 0o755,
      content: Buffer.from('#!/bin/sh\nexec poweroff\n'),
    },
    // The kernel opens it for the first process, before devtmpfs is mounted.
    { type: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { type: 'device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 },
  ];
}

async function readPackaged(path: string, package_: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new PatchbayError(
      'GuestPackagesMissing',
      `${path} cannot be read: install the Debian package ${package_} (tools/bootstrap.sh does)`,
      { cause, retryable: false },
    );
  }
}

async function readPackagedText(path: string, package_: string): Promise<string> {
  return (await readPackaged(path, package_)).toString();
}
