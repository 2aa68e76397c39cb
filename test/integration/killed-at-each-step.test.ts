/** Agents die at each step of what they do for a pod; the next one takes over, and in the end nothing is left. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { run } from '#drivers/command.ts';
import { createDhcpDriver } from '#drivers/dnsmasq/real.ts';
import type { ContainerDriver, VolumeContents } from '#drivers/pod/driver.ts';
import { runId } from '#drivers/pod/paths.ts';
import { findProcess, isRunning, processesNaming } from '#drivers/pod/process.ts';
import { createContainerDriver } from '#drivers/pod/real.ts';
import type { ContainerState } from '#node-state/container.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { DyingTask } from './support/dying.ts';

const name = `t-killed-${process.pid}`;
const podUid = randomUUID();
let options: DyingTask['options'];

// Dozens of deaths in each, with a process started for every one.
vi.setConfig({ testTimeout: 240_000 });

beforeAll(async () => {
  const directory = await mkdtemp('/tmp/t-killed-');
  options = { stateDir: path.join(directory, 'state'), runDir: path.join(directory, 'run'), tag: name };
  await run(['ip', 'netns', 'add', name]);
});

afterAll(async () => {
  // A test that failed leaves its servers there.
  const { stdout } = await run(['ip', 'netns', 'pids', name]);
  for (const pid of stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  await run(['ip', 'netns', 'delete', name]);
  await rm(path.dirname(options.stateDir), { recursive: true });
});

/** The next agent's driver. */
async function open(): Promise<ContainerDriver> {
  const driver = createContainerDriver({ ...options, log: console });
  await driver.load();
  return driver;
}

/** Does a task in a process that dies at a step; false when the task was over before. */
async function dieAt(step: number, task: Omit<DyingTask, 'options'>): Promise<boolean> {
  const script = path.join(import.meta.dirname, 'support', 'dying.ts');
  const child = spawn(process.execPath, [script, String(step), JSON.stringify({ options, ...task })], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code, signal] = await new Promise<readonly [number | null, string | null]>((resolve) =>
    child.once('exit', (...how) => resolve(how)),
  );
  expect([code, signal]).toEqual(code === 0 ? [0, null] : [null, 'SIGKILL']);
  return code !== 0;
}

/** Runs `takeOver` after the death at each step; returns how many steps there were. */
async function atEachStep(
  task: Omit<DyingTask, 'options'>,
  takeOver: (step: number) => Promise<void>,
): Promise<number> {
  let step = 1;
  for (; await dieAt(step, task); step += 1) {
    await takeOver(step);
  }
  await takeOver(step);
  return step - 1;
}

test('a volume is whole whenever its writer died', async () => {
  const driver = await open();
  const volumeOf = (files: Readonly<Record<string, string>>): VolumeContents => ({
    name: 'v',
    type: 'files',
    files: Object.entries(files).map(([file, text]) => ({
      path: file,
      mode: 0o644,
      content: Buffer.from(text),
    })),
  });
  const first = { a: 'one', 'b/c': 'one' };
  const second = { a: 'two', d: 'two' };
  for (const before of [undefined, first]) {
    const steps = await atEachStep({ volume: { podUid, files: second } }, async () => {
      const directory = (await driver.prepareVolumes(podUid, [volumeOf(second)])).get('v') ?? '';
      const seen = await readdir(directory);
      expect(seen.toSorted()).toEqual(
        [await readlink(path.join(directory, '..data')), '..data', 'a', 'd'].toSorted(),
      );
      expect(await readFile(path.join(directory, 'a'), 'utf8')).toBe('two');
      expect(await readFile(path.join(directory, 'd'), 'utf8')).toBe('two');
      await driver.removePod(podUid);
      if (before !== undefined) {
        await driver.prepareVolumes(podUid, [volumeOf(before)]);
      }
    });
    expect(steps).toBeGreaterThan(8);
    await driver.removePod(podUid);
  }
  driver.close();
});

function container(): ContainerState {
  return {
    podUid,
    name: 'main',
    attempt: 0,
    netns: name,
    hostname: 'web',
    image: 'localhost/host:latest',
    imageId: 'host',
    root: { type: 'host' },
    readOnlyRoot: true,
    argv: ['sleep', '600'],
    env: ['PATH=/usr/bin:/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0, groups: [] },
    capabilities: [],
    noNewPrivileges: true,
    mounts: [],
    resources: { pids: 100, memory: 64 * 1024 * 1024 },
    terminal: false,
    stdin: false,
    stdinOnce: false,
    terminationLog: '/dev/termination-log',
    stopSignal: 'SIGTERM',
  };
}

/** What there is of the pod: processes that name its run or its directory, control groups, directories, mounts. */
async function remains(id: string): Promise<readonly string[]> {
  const { stdout: groups } = await run(['find', '/sys/fs/cgroup', '-maxdepth', '3', '-name', name]);
  const mounts = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .filter((one) => one.includes(path.dirname(options.stateDir)));
  const directories = ['state/pods', 'run/crun', 'run/exits'].map(async (below) =>
    (await readdir(path.join(path.dirname(options.stateDir), below))).map((one) => `${below}/${one}`),
  );
  const processes = (await processesNaming(id)).map(({ pid }) => `process ${pid}`);
  return [
    ...processes,
    ...groups.split('\n').filter((one) => one !== ''),
    ...mounts,
    ...(await Promise.all(directories)).flat(),
  ];
}

test('a container runs, as its first run, whenever its starter died; removed, nothing is left of it', async () => {
  const task = { container: container() };
  const id = runId(podUid, 'main', 0);
  const steps = await atEachStep(task, async (step) => {
    const driver = await open();
    const [there] = driver.list(podUid);
    const { phase, pid = 0 } = there ?? (await driver.start(task.container));
    expect(phase, `death at step ${step}`).toMatchObject({ type: 'running' });
    await expect.poll(() => readFile(`/proc/${pid}/comm`, 'utf8'), { interval: 5 }).toBe('sleep\n');
    const main = findProcess(pid);
    await driver.removePod(podUid);
    expect(main !== undefined && isRunning(main)).toBe(false);
    // crun may still be at work for the one who noticed the end.
    await expect.poll(() => remains(id), { message: `death at step ${step}`, interval: 10 }).toEqual([]);
    driver.close();
  });
  expect(steps).toBeGreaterThan(15);
});

test('a container has the limits that are written down, whenever the one who changes them died', async () => {
  const mebi = 1024 ** 2;
  const before = await open();
  const { id } = await before.start(container());
  before.close();
  const groups = (await run(['find', '/sys/fs/cgroup', '-path', `*/${podUid}/${id}`])).stdout.trim();
  const limit = async (): Promise<number> => {
    const files = groups
      .split('\n')
      .flatMap((group) => ['memory.limit_in_bytes', 'memory.max'].map((file) => path.join(group, file)));
    return Number(await Promise.any(files.map((file) => readFile(file, 'utf8'))));
  };
  const [first, second] = [
    { pids: 100, memory: 64 * mebi },
    { pids: 100, memory: 96 * mebi },
  ];
  const seen = new Set<number>();
  const steps = await atEachStep({ limits: { id, resources: second } }, async (step) => {
    // What a killed agent started goes on without it.
    await expect.poll(async () => (await processesNaming(id)).length, { interval: 5 }).toBe(1);
    const driver = await open();
    const written = driver.list(podUid)[0]?.container.resources.memory ?? 0;
    seen.add(written);
    if (written === second.memory) expect(await limit(), `death at step ${step}`).toBe(written);
    await driver.updateResources(id, second);
    expect(await limit(), `death at step ${step}`).toBe(second.memory);
    await driver.updateResources(id, first);
    driver.close();
  });
  expect([steps >= 5, [...seen].toSorted((a, b) => a - b)]).toEqual([true, [first.memory, second.memory]]);
  const last = await open();
  await last.removePod(podUid);
  last.close();
});

test('a DHCP server is replaced, and is one, whenever the one who replaces it died', async () => {
  const before: DhcpServer = {
    kind: 'dhcp-server',
    netns: name,
    link: 'k6t-eth0',
    v4: { address: '10.0.2.2', prefixLength: 24, router: '10.0.2.1' },
    dns: [],
    searchDomains: [],
  };
  const after: DhcpServer = { ...before, hostname: 'renamed' };
  await run(['ip', '-n', name, 'link', 'add', 'k6t-eth0', 'up', 'type', 'bridge']);
  await run(['ip', '-n', name, 'addr', 'add', '10.0.2.1/24', 'dev', 'k6t-eth0']);
  const steps = await atEachStep({ dhcp: after }, async (step) => {
    const driver = createDhcpDriver(options);
    const [{ error } = {}] = await driver.apply([{ op: 'create', to: after }]);
    expect(error, `death at step ${step}`).toBeUndefined();
    expect(await driver.observe(name)).toEqual([after]);
    const { stdout } = await run(['ip', 'netns', 'pids', name]);
    expect(stdout.trim().split('\n'), `death at step ${step}`).toHaveLength(1);
    await driver.apply([{ op: 'create', to: before }]);
  });
  expect(steps).toBeGreaterThan(5);
  await createDhcpDriver(options).apply([{ op: 'delete', from: before }]);
});
