import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerState } from '#node-state/container.ts';
import { limitFiles, workingSet } from './cgroups.ts';
import { containerContract } from './contract.ts';
import { LineSplitter, LogFollower, parseLogLine } from './cri-log.ts';
import { cgroupSteps, entering } from './enter.ts';
import { FakeContainerDriver } from './fake.ts';
import { hostRootSteps } from './host-root.ts';
import { checkMounts } from './mounts.ts';
import { composeOciConfig, composeUpdate } from './oci-config.ts';
import { podDirectory, runId, runPaths } from './paths.ts';

const container: ContainerState = {
  podUid: 'a133d47b-8909-4b67-a715-05415499af1e',
  name: 'main',
  attempt: 0,
  netns: 'lab.node1.a133d47b',
  hostname: 'web',
  image: 'localhost/host:latest',
  imageId: 'host',
  root: { type: 'host' },
  readOnlyRoot: true,
  argv: ['sh'],
  env: ['A=b'],
  cwd: '/',
  user: { uid: 0, gid: 0, groups: [] },
  capabilities: ['CAP_KILL'],
  noNewPrivileges: true,
  mounts: [
    { source: '/s/deep', destination: '/data/deep/er', type: 'bind', readOnly: true },
    { source: '/s/data', destination: '/data', type: 'bind', readOnly: false },
  ],
  resources: { cpuShares: 512, cpuQuota: 50_000, memory: 64 * 1024 * 1024, pids: 100 },
  terminal: false,
  stdin: false,
  stdinOnce: false,
  terminationLog: '/dev/termination-log',
  stopSignal: 'SIGTERM',
};

const compose = (changes: Partial<ContainerState> = {}) =>
  composeOciConfig({
    container: { ...container, ...changes },
    rootfs: '/r',
    cgroupsPath: '/patchbay/x',
    terminationLog: '/t',
    maskedPaths: ['/etc/shadow'],
  }) as {
    readonly process: { readonly capabilities: Readonly<Record<string, readonly string[]>> };
    readonly mounts: readonly { readonly destination: string; readonly options: readonly string[] }[];
    readonly linux: {
      readonly maskedPaths: readonly string[];
      readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
      readonly resources: unknown;
    };
  };

describe('limits of a running container', () => {
  it('are said without devices, and only where there are some', () => {
    expect(composeUpdate(container.resources)).toEqual({
      cpu: { shares: 512, quota: 50_000, period: 100_000 },
      memory: { limit: 64 * 1024 * 1024 },
      pids: { limit: 100 },
    });
    expect(composeUpdate({ cpuShares: 2 })).toEqual({ cpu: { shares: 2 } });
  });

  it('are compared with memory that cannot be taken back', async () => {
    const group = await mkdtemp(path.join(os.tmpdir(), 't-group-'));
    await writeFile(path.join(group, 'memory.current'), '5000\n');
    await writeFile(path.join(group, 'memory.stat'), 'anon 3000\ninactive_file 1500\nactive_file 500\n');
    expect(await workingSet(group)).toBe(3500);
    await rm(group, { recursive: true });
  });
});

describe('the fake', () => {
  containerContract(async () => {
    const driver = new FakeContainerDriver();
    driver.command = () => ({ exitCode: 7, stdout: 'said' });
    return { driver, container, command: ['say'] };
  });
});

describe('a configuration', () => {
  it('joins the network of the pod and no other namespace of the node', () => {
    const { namespaces } = compose().linux;
    expect(namespaces.map(({ type }) => type).toSorted()).toEqual([
      'cgroup',
      'ipc',
      'mount',
      'network',
      'pid',
      'uts',
    ]);
    expect(namespaces.filter((one) => one.path !== undefined)).toEqual([
      { type: 'network', path: '/run/netns/lab.node1.a133d47b' },
    ]);
  });

  it("stays in the node's network when that is the pod's", () => {
    expect(compose({ netns: '' }).linux.namespaces.some(({ type }) => type === 'network')).toBe(false);
  });

  it('mounts what is nearer to the root first, without set-user-id programs and devices', () => {
    const { mounts } = compose();
    const own = mounts.filter(({ destination }) => destination.startsWith('/data'));
    expect(own.map(({ destination }) => destination)).toEqual(['/data', '/data/deep/er']);
    expect(own.every(({ options }) => options.includes('nosuid') && options.includes('nodev'))).toBe(true);
    expect(own[1]?.options).toContain('ro');
  });

  it('hides secrets and limits resources', () => {
    const { linux } = compose();
    expect(linux.maskedPaths).toContain('/etc/shadow');
    expect(linux.resources).toEqual({
      devices: [{ allow: false, access: 'rwm' }],
      cpu: { shares: 512, quota: 50_000, period: 100_000 },
      memory: { limit: 64 * 1024 * 1024 },
      pids: { limit: 100 },
    });
  });

  it('gives another user than root no effective capabilities', () => {
    const { capabilities } = compose({ user: { uid: 7, gid: 7, groups: [] } }).process;
    expect(capabilities).toMatchObject({ bounding: ['CAP_KILL'], effective: [], permitted: [], ambient: [] });
  });
});

describe('entering a namespace', () => {
  it('keeps every word a word of its own', () => {
    const argv = entering([{ do: 'hide', path: '/a b; rm' }], ['crun', "it's"]);
    expect(argv.slice(-5)).toEqual(['hide', '/a b; rm', '--', 'crun', "it's"]);
    expect(entering([], ['crun'])).toEqual(['crun']);
  });

  it('hides the unified hierarchy only while it has controllers', () => {
    expect(cgroupSteps('/nonexistent')).toEqual([]);
    expect(cgroupSteps('/proc/version')).toHaveLength(1);
  });

  it("shows of the machine's root only programs and settings", async () => {
    const paths = runPaths({ stateDir: '/s', runDir: '/r' }, 'uid', 'main', 0);
    const hidden = (await hostRootSteps(paths)).flatMap((step) =>
      step.do === 'hide' ? [path.basename(step.path)] : [],
    );
    for (const name of ['root', 'home', 'var', 'run', 'proc', 'boot'].filter((one) => hidden.includes(one))) {
      expect(hidden).toContain(name);
    }
    expect(hidden).toContain('root');
    expect(hidden).toContain('var');
    expect(hidden).not.toContain('usr');
  });
});

describe('paths', () => {
  it('refuse names that lead elsewhere', () => {
    for (const name of ['..', 'a/b', '', '.hidden']) {
      expect(() => podDirectory({ stateDir: '/s', runDir: '/r' }, name)).toThrow('no name of a pod');
    }
  });

  it('give every run an id of its own', () => {
    const ids = [runId('u', 'a', 0), runId('u', 'a', 1), runId('u', 'b', 0), runId('v', 'a', 0)];
    expect(new Set(ids).size).toBe(4);
  });
});

describe('logs', () => {
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(path.join(os.tmpdir(), 't-pod-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it('are parsed line by line, whatever is in them', () => {
    expect(parseLogLine(Buffer.from('2026-01-01T00:00:00.1+00:00 stderr P part'))).toEqual({
      time: '2026-01-01T00:00:00.1+00:00',
      stream: 'stderr',
      isWhole: false,
      text: Buffer.from('part'),
    });
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseLogLine(Buffer.from(bytes))));
  });

  it('are split as they were joined, however they are cut', () => {
    const line = fc.stringMatching(/^[^\n]{0,20}$/);
    fc.assert(
      fc.property(fc.array(line), fc.integer({ min: 1, max: 9 }), (lines, size) => {
        const all = Buffer.from(lines.map((each) => `${each}\n`).join(''));
        const splitter = new LineSplitter();
        const read: string[] = [];
        for (let at = 0; at < all.length; at += size) {
          read.push(...splitter.push(all.subarray(at, at + size)).map(String));
        }
        expect(read).toEqual(lines);
      }),
    );
  });

  it('are followed over a rotation', async () => {
    const file = path.join(directory, 'log');
    const entry = (text: string): string => `2026-01-01T00:00:00Z stdout F ${text}\n`;
    await writeFile(file, entry('one'));
    const follower = new LogFollower(file, 0, undefined);
    const texts = async (): Promise<string[]> => (await follower.next()).map(({ text }) => text.toString());
    expect(await texts()).toEqual(['one']);
    await writeFile(file, entry('two'), { flag: 'a' });
    expect(await texts()).toEqual(['two']);
    await rename(file, `${file}.1`);
    await writeFile(file, entry('three'));
    expect(await texts()).toEqual(['three']);
    expect(await texts()).toEqual([]);
  });

  it('never read a mount that leads out of its volume', async () => {
    await expect(
      checkMounts([{ source: '/etc', within: directory, destination: '/x', type: 'bind', readOnly: true }]),
    ).rejects.toThrow('leads out of the volume');
  });
});

describe('limits of a pod as a whole', () => {
  const limits = { cpuShares: 2048, cpuQuota: 150_000, memory: 1024 };
  const files = (given: typeof limits | object, isUnified: boolean) =>
    limitFiles(given, isUnified).map(({ controller, file, value }) => `${controller}/${file}=${value}`);

  it('are files of its group, in either version', () => {
    expect(files(limits, true)).toEqual([
      'cpu/cpu.weight=79',
      'cpu/cpu.max=150000 100000',
      'memory/memory.max=1024',
    ]);
    expect(files(limits, false)).toEqual([
      'cpu/cpu.shares=2048',
      'cpu/cpu.cfs_period_us=100000',
      'cpu/cpu.cfs_quota_us=150000',
      'memory/memory.limit_in_bytes=1024',
    ]);
    expect(files({}, true)).toEqual([]);
  });
});
