/** What this machine has of what Patchbay needs, besides kernel features and KVM, which the drivers probe. */
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import type { ProbeRecord } from '#drivers/probe/record.ts';
import { probeTun } from '#drivers/probe/tun.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { defaultStateRoot } from './names.ts';

/** A probe, and whether instances cannot start without what it looks for. */
export interface MachineProbe extends ProbeRecord {
  readonly required: boolean;
}

const packageList = path.resolve(import.meta.dirname, '../../deploy/debian-packages.txt');
/** Oldest kubectl that speaks to the embedded API server: older ones ask for APIs that are not served. */
const oldestKubectl = { major: 1, minor: 28 } as const;
const leastFreeBytes = 2 * 1024 ** 3;
const leastInotifyInstances = 128;
const leastOpenFiles = 4096;

/** Runs every probe; each answers by itself, whatever the others find. */
export async function probeMachine(): Promise<readonly MachineProbe[]> {
  const [packages, ...others] = await Promise.all([
    probePackages(),
    probeTapDevice(),
    probeKubectl(),
    probeDisk(),
    probeForwardPolicy(),
  ]);
  return [probeNode(), probeRoot(), ...packages, ...others, probeInotify(), probeOpenFiles()];
}

function probeNode(): MachineProbe {
  const major = Number(process.versions.node.split('.')[0]);
  return {
    name: 'node',
    required: true,
    present: major >= 24,
    chosen: process.version,
    why: `runs from ${process.execPath}`,
    ...(major >= 24 ? {} : { remedy: 'start Patchbay with bin/patchbay, which finds the pinned Node.js' }),
  };
}

function probeRoot(): MachineProbe {
  const isRoot = process.getuid?.() === 0;
  return {
    name: 'root',
    required: true,
    present: isRoot,
    chosen: isRoot ? 'root' : `user ${process.getuid?.() ?? '?'}`,
    why: 'lab nodes are network namespaces, which only root makes',
    ...(isRoot ? {} : { remedy: 'run as root or with sudo' }),
  };
}

/** Versions of the Debian packages that are called. */
async function probePackages(): Promise<readonly MachineProbe[]> {
  const wanted = readFileSync(packageList, 'utf8')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  const installed = await installedPackages();
  return wanted.map((name) => {
    const version = installed.get(name);
    return {
      name: `package ${name}`,
      required: true,
      present: version !== undefined,
      chosen: version ?? 'missing',
      why: version === undefined ? 'dpkg does not have it' : 'installed',
      ...(version === undefined ? { remedy: `apt-get install --no-install-recommends ${name}` } : {}),
    };
  });
}

async function installedPackages(): Promise<ReadonlyMap<string, string>> {
  const format = ['Package', 'Version', 'db:Status-Status'].map((field) => `\${${field}}`).join('\\t');
  const { stdout } = await run(['dpkg-query', '--show', `--showformat=${format}\\n`]);
  return new Map(
    stdout.split('\n').flatMap((line) => {
      const [name, version, status] = line.split('\t');
      return name !== undefined && version !== undefined && status === 'installed' ? [[name, version]] : [];
    }),
  );
}

async function probeKubectl(): Promise<MachineProbe> {
  const common = { name: 'kubectl', required: false } as const;
  const { major, minor } = oldestKubectl;
  const remedy = `install kubectl ${major}.${minor} or newer (https://kubernetes.io/docs/tasks/tools/)`;
  try {
    const { stdout } = await run(['kubectl', 'version', '--client', '--output=json']);
    return judgeKubectl(stdout);
  } catch (error) {
    if (!(error instanceof PatchbayError)) {
      throw error;
    }
    return {
      ...common,
      present: false,
      chosen: 'none',
      why: 'not found; Patchbay itself does not need it',
      remedy,
    };
  }
}

/** Judges what `kubectl version --client --output=json` prints. */
export function judgeKubectl(json: string): MachineProbe {
  const { clientVersion } = JSON.parse(json) as { readonly clientVersion?: { readonly gitVersion?: string } };
  const version = clientVersion?.gitVersion ?? '';
  const [, major = '0', minor = '0'] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  const isRecent =
    Number(major) > oldestKubectl.major ||
    (Number(major) === oldestKubectl.major && Number(minor) >= oldestKubectl.minor);
  const least = `${oldestKubectl.major}.${oldestKubectl.minor}`;
  return {
    name: 'kubectl',
    required: false,
    present: isRecent,
    chosen: version === '' ? 'unknown' : version,
    why: isRecent ? `${least} or newer` : `older than ${least}: discovery and explain will not work with it`,
    ...(isRecent ? {} : { remedy: `install kubectl ${least} or newer` }),
  };
}

async function probeTapDevice(): Promise<MachineProbe> {
  return { ...(await probeTun()), required: true };
}

async function probeDisk(): Promise<MachineProbe> {
  const at = existsSync(defaultStateRoot) ? defaultStateRoot : path.dirname(defaultStateRoot);
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  return {
    name: 'disk',
    required: true,
    present: free >= leastFreeBytes,
    chosen: `${(free / 1024 ** 3).toFixed(1)} GiB free`,
    why: `state and images are in ${defaultStateRoot}`,
    ...(free >= leastFreeBytes ? {} : { remedy: 'free space, or use another place with --state-dir' }),
  };
}

/** A firewall that drops what is forwarded also drops frames between nodes when bridges are filtered by IP rules. */
async function probeForwardPolicy(): Promise<MachineProbe> {
  const switchFile = '/proc/sys/net/bridge/bridge-nf-call-iptables';
  const filtersBridges = existsSync(switchFile) && readFileSync(switchFile, 'utf8').trim() === '1';
  const dropping = filtersBridges ? await droppingForwardChains() : [];
  return {
    name: 'bridged traffic',
    required: true,
    present: dropping.length === 0,
    chosen: filtersBridges ? 'passes the IP firewall' : 'passes no firewall',
    why:
      dropping.length === 0
        ? 'nothing drops frames between nodes'
        : `${dropping.join(', ')} drops what is forwarded, and with it frames between nodes`,
    ...(dropping.length === 0 ? {} : { remedy: 'sysctl -w net.bridge.bridge-nf-call-iptables=0' }),
  };
}

async function droppingForwardChains(): Promise<readonly string[]> {
  const { stdout } = await run(['nft', '-j', 'list', 'chains']).catch(() => ({ stdout: '{"nftables":[]}' }));
  const { nftables } = JSON.parse(stdout) as {
    readonly nftables: readonly {
      readonly chain?: {
        readonly family: string;
        readonly table: string;
        readonly name: string;
        readonly hook?: string;
        readonly policy?: string;
      };
    }[];
  };
  return nftables.flatMap(({ chain }) =>
    chain?.hook === 'forward' && chain.policy === 'drop' && ['ip', 'inet'].includes(chain.family)
      ? [`nft chain ${chain.family} ${chain.table} ${chain.name}`]
      : [],
  );
}

function probeInotify(): MachineProbe {
  const limit = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'));
  const present = limit >= leastInotifyInstances;
  return {
    name: 'inotify',
    required: false,
    present,
    chosen: `${limit} instances`,
    why: `each agent watches files; ${leastInotifyInstances} are enough for dozens of nodes`,
    ...(present ? {} : { remedy: `sysctl -w fs.inotify.max_user_instances=${leastInotifyInstances}` }),
  };
}

function probeOpenFiles(): MachineProbe {
  const line = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  const limit = line?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[1] ?? 0);
  const present = limit >= leastOpenFiles;
  return {
    name: 'open files',
    required: false,
    present,
    chosen: String(limit),
    why: 'each watch and each guest holds connections open',
    ...(present ? {} : { remedy: `ulimit -n ${leastOpenFiles}` }),
  };
}
