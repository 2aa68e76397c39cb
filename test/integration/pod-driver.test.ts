/** Containers by crun in a network namespace of their own. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '#drivers/command.ts';
import { containerContract } from '#drivers/pod/contract.ts';
import { readEntries } from '#drivers/pod/cri-log.ts';
import type { ContainerDriver, ContainerView, ExecSession } from '#drivers/pod/driver.ts';
import { isRunning } from '#drivers/pod/process.ts';
import { createContainerDriver } from '#drivers/pod/real.ts';
import { messageOf } from '#machinery/errors.ts';
import type { ContainerState } from '#node-state/container.ts';

const netns = `t-pod-${process.pid}`;
const podUid = 'a133d47b-8909-4b67-a715-05415499af1e';
let directory = '';
let driver: ContainerDriver;

const open = async (): Promise<ContainerDriver> => {
  const made = createContainerDriver({
    stateDir: path.join(directory, 'state'),
    runDir: path.join(directory, 'run'),
    tag: `t-pod-${process.pid}`,
    log: { warn: (message) => console.warn(message) },
  });
  await made.load();
  return made;
};

beforeAll(async () => {
  directory = await mkdtemp('/tmp/t-pod-');
  await run(['ip', 'netns', 'add', netns]);
  await run(['ip', '-n', netns, 'link', 'set', 'lo', 'up']);
  driver = await open();
});

afterAll(async () => {
  await driver.removePod(podUid);
  driver.close();
  await run(['ip', 'netns', 'delete', netns]);
  await rm(directory, { recursive: true });
});

function container(name: string, script: string, changes: Partial<ContainerState> = {}): ContainerState {
  return {
    podUid,
    name,
    attempt: 0,
    netns,
    hostname: 'web',
    image: 'localhost/host:latest',
    imageId: 'host',
    root: { type: 'host' },
    readOnlyRoot: true,
    argv: ['sh', '-c', script],
    env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
    cwd: '/',
    user: { uid: 0, gid: 0, groups: [] },
    capabilities: ['CAP_KILL', 'CAP_DAC_OVERRIDE'],
    noNewPrivileges: true,
    mounts: [],
    resources: { pids: 100, memory: 64 * 1024 * 1024 },
    terminal: false,
    stdin: false,
    stdinOnce: false,
    terminationLog: '/dev/termination-log',
    stopSignal: 'SIGTERM',
    ...changes,
  };
}

const found = (id: string): ContainerView | undefined => driver.list(podUid).find((one) => one.id === id);
const ended = async (id: string): Promise<ContainerView['phase']> => {
  await expect.poll(() => found(id)?.phase.type, { timeout: 10_000 }).toBe('exited');
  return found(id)?.phase ?? { type: 'created' };
};
const logOf = async ({ logFile }: ContainerView): Promise<string[]> => {
  const lines: string[] = [];
  for await (const { stream, text: line } of readEntries(logFile)) lines.push(`${stream} ${line.toString()}`);
  return lines;
};
const output = async (session: ExecSession): Promise<[number, string]> => {
  const [status, said] = await Promise.all([session.exited, text(session.stdout)]);
  return [status, said];
};

describe('the driver', () => {
  containerContract(async () => ({
    driver,
    container: container('contract', 'sleep 60'),
    command: ['sh', '-c', 'printf said; exit 7'],
  }));
});

describe('a container', () => {
  test('runs in the namespace, keeps its output, tells its end and last words', async () => {
    const view = await driver.start(
      container('short', 'ls /sys/class/net; echo no >&2; echo words > /dev/termination-log; exit 3'),
    );
    expect(await ended(view.id)).toMatchObject({ exitCode: 3, oomKilled: false, message: 'words\n' });
    expect((await logOf(view)).toSorted()).toEqual(['stderr no', 'stdout lo']);
  });

  test('that cannot be started says why', async () => {
    const view = await driver.start(container('broken', '', { argv: ['/no/such/program'] }));
    expect(view.phase).toMatchObject({ type: 'exited', exitCode: 128 });
    expect(view.phase.type === 'exited' ? view.phase.startError : '').toContain('/no/such/program');
  });

  test("sees the machine's programs, neither its secrets nor its state, and changes nothing", async () => {
    const script =
      'ls /; cat /etc/shadow; ls -A /etc/ssh; touch /usr/x /etc/x; ls /var; mknod /tmp/m c 1 1; mount -t tmpfs x /tmp; echo done';
    const view = await driver.start(
      container('host', script, {
        mounts: [{ source: 'tmpfs', destination: '/tmp', type: 'tmpfs', readOnly: false }],
      }),
    );
    await ended(view.id);
    const lines = (await logOf(view))
      .filter((line) => line.startsWith('stdout'))
      .map((line) => line.slice(7));
    expect(lines).toEqual(expect.arrayContaining(['bin', 'etc', 'usr', 'done']));
    for (const name of ['root', 'home', 'var', 'boot', 'work']) expect(lines).not.toContain(name);
    expect(lines.filter((line) => line.includes(':') || line.includes('key'))).toEqual([]);
    expect(await readdir('/etc')).not.toContain('x');
  });

  test('is found again by the next driver, takes commands with their status, and is ended', async () => {
    const view = await driver.start(container('long', 'trap "exit 0" TERM; while :; do sleep 0.1; done'));
    driver.close();
    driver = await open();
    expect(found(view.id)?.phase.type).toBe('running');
    const session = await driver.exec(view.id, {
      argv: ['sh', '-c', 'read x; echo "got $x"; exit 7'],
      terminal: false,
      stdin: true,
    });
    session.stdin.end('this\n');
    expect(await output(session)).toEqual([7, 'got this\n']);
    await driver.signal(view.id, 'TERM');
    expect(await ended(view.id)).toMatchObject({ exitCode: 0 });
  });

  test('whose making was cut short by a kill is made anew by the next driver', async () => {
    const whole = await driver.start(container('half', 'sleep 60'));
    driver.close();
    // As it is written down before it is started.
    const file = path.join(path.dirname(whole.logFile), 'container.json');
    const { startedAt, process: first, ...half } = JSON.parse(await readFile(file, 'utf8'));
    expect([startedAt, first.pid]).toEqual([expect.any(Number), whole.pid]);
    await writeFile(file, JSON.stringify(half));
    driver = await open();
    expect(found(whole.id)).toBeUndefined();
    expect(isRunning(first)).toBe(false);
    expect((await driver.start(whole.container)).phase.type).toBe('running');
    await driver.remove(whole.id);
  });

  test('is removed when only half of what crun keeps of it is there', async () => {
    const { id, pid = 0 } = await driver.start(container('half', 'exec sleep 64'));
    const kept = path.join(directory, 'run/crun', id);
    await rm(path.join(kept, 'config.json'));
    await driver.remove(id);
    expect([existsSync(`/proc/${pid}`), existsSync(kept), found(id)]).toEqual([false, false, undefined]);
  });

  test('shares the process table of another, and ends with all that it started', async () => {
    const target = await driver.start(container('target', 'exec sleep 61'));
    const script = 'sleep 62 & cat /proc/1/cmdline | tr "\\0" " "; echo; exec sleep 63';
    const view = await driver.start(container('debug', script, { processesOf: target.id }));
    await expect.poll(() => logOf(view)).toContain('stdout sleep 61 ');
    const session = await driver.exec(view.id, {
      argv: ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'],
      terminal: false,
      stdin: false,
    });
    expect((await output(session))[1]).toMatch(/sleep 61.*sleep 62/);
    await driver.remove(view.id);
    const look = await driver.exec(target.id, {
      argv: ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "'],
      terminal: false,
      stdin: false,
    });
    const left = (await output(look))[1];
    expect([left.includes('sleep 61'), /sleep 6[23]/.test(left)]).toEqual([true, false]);
    await driver.remove(target.id);
    const late = await driver.start(container('late', 'true', { processesOf: target.id }));
    expect(late.phase).toMatchObject({ type: 'exited', startError: expect.stringContaining(target.id) });
  });

  test('gives commands a terminal of the size that is asked for', async () => {
    const view = await driver.start(container('terminal', 'sleep 60'));
    const session = await driver.exec(view.id, {
      argv: ['sh', '-c', 'until [ "$(stty size)" = "33 77" ]; do sleep 0.05; done; tty; exit 4'],
      terminal: true,
      stdin: true,
    });
    await session.resize({ width: 77, height: 33 });
    expect(await output(session)).toEqual([4, '/dev/pts/0\r\n']);
    await driver.remove(view.id);
  });

  test('has the files of its volumes, replaced as one', async () => {
    const files = (content: string) => [{ path: 'a', mode: 0o644, content: Buffer.from(content) }];
    const prepare = (content: string) =>
      driver.prepareVolumes(podUid, [{ name: 'v', type: 'files', files: files(content) }]);
    const source = (await prepare('one')).get('v') ?? '';
    const view = await driver.start(
      container('volume', 'until grep two /v/a; do sleep 0.05; done', {
        mounts: [{ source, destination: '/v', type: 'bind', readOnly: true }],
      }),
    );
    await prepare('two');
    expect(await ended(view.id)).toMatchObject({ exitCode: 0 });
  });

  test('gets limits while it runs, none below what it uses, and the next driver knows them', async () => {
    const hold =
      'python3 -c \'b = bytearray(b"x") * (40 << 20); print(1, flush=True); import time; time.sleep(60)\'';
    const { id, logFile } = await driver.start(container('limits', hold));
    await expect.poll(() => readFile(logFile, 'utf8'), { timeout: 10_000 }).toContain('stdout F 1');
    const files = async (...names: readonly string[]): Promise<string> => {
      const { stdout } = await run(['find', '/sys/fs/cgroup', '-path', `*/${podUid}/${id}/*`, '-type', 'f']);
      const file = stdout.split('\n').find((one) => names.includes(path.basename(one))) ?? '';
      return (await readFile(file, 'utf8')).trim();
    };
    const limits = { pids: 50, cpuShares: 512, cpuQuota: 25_000, memory: 80 << 20 };
    await driver.updateResources(id, { ...limits, given: { limits: { cpu: '250m' } } });
    expect(await files('memory.limit_in_bytes', 'memory.max')).toBe(String(80 << 20));
    expect(await files('cpu.cfs_quota_us', 'cpu.max')).toMatch(/^25000\b/);
    expect(await files('pids.max')).toBe('50');
    const refusal: unknown = await driver
      .updateResources(id, { ...limits, memory: 8 << 20 })
      .catch((error) => error);
    expect(refusal).toMatchObject({ reason: expect.stringMatching(/^(LimitsRefused|MemoryInUse)$/) });
    expect(messageOf(refusal)).not.toContain('crun');
    expect(await files('memory.limit_in_bytes', 'memory.max')).toBe(String(80 << 20));
    driver.close();
    driver = await open();
    expect(found(id)).toMatchObject({
      phase: { type: 'running' },
      container: { resources: { ...limits, given: { limits: { cpu: '250m' } } } },
    });
    await driver.remove(id);
  });

  test('has no more than all containers of its pod together', async () => {
    const uid = `${podUid}-whole`;
    await driver.limitPod(uid, { cpuShares: 2048, cpuQuota: 150_000, memory: 48 << 20 });
    const free = { podUid: uid, resources: { pids: 100 } };
    const hold =
      'python3 -c \'b = bytearray(b"x") * (30 << 20); print(1, flush=True); import time; time.sleep(60)\'';
    const first = await driver.start(container('first', hold, free));
    await expect.poll(() => readFile(first.logFile, 'utf8'), { timeout: 10_000 }).toContain('stdout F 1');
    const { stdout } = await run([
      'find',
      '/sys/fs/cgroup',
      '-path',
      `*/${netns}/${uid}/*`,
      '-maxdepth',
      '5',
    ]);
    const files = stdout.split('\n').filter((file) => path.basename(path.dirname(file)) === uid);
    const read = async (...names: readonly string[]): Promise<string> =>
      (await readFile(files.find((file) => names.includes(path.basename(file))) ?? '', 'utf8')).trim();
    expect(await read('memory.limit_in_bytes', 'memory.max')).toBe(String(48 << 20));
    expect(await read('cpu.cfs_quota_us', 'cpu.max')).toMatch(/^150000\b/);
    expect(await read('cpu.shares', 'cpu.weight')).toMatch(/^(2048|79)$/);
    // Together they would hold 60 MiB: one of them is killed for it.
    const second = await driver.start(container('second', hold, free));
    const ends = (): readonly (number | undefined)[] =>
      [first, second].map(({ id }) => {
        const phase = driver.list(uid).find((view) => view.id === id)?.phase;
        return phase?.type === 'exited' ? phase.exitCode : undefined;
      });
    await expect.poll(ends, { timeout: 20_000 }).toContain(137);
    await driver.removePod(uid);
    expect((await run(['find', '/sys/fs/cgroup', '-name', uid])).stdout).toBe('');
  });

  test('leaves nothing behind', async () => {
    await driver.start(container('last', 'sleep 60'));
    await driver.removePod(podUid);
    expect(driver.list(podUid)).toEqual([]);
    expect(await readdir(path.join(directory, 'state', 'pods'))).toEqual([]);
    expect(await readFile('/proc/self/mounts', 'utf8')).not.toContain(directory);
    const { stdout } = await run([
      'find',
      '/sys/fs/cgroup',
      '-maxdepth',
      '3',
      '-name',
      `t-pod-${process.pid}`,
    ]);
    expect(stdout).toBe('');
  });

  test('leaves no control groups when a driver was killed before they went', async () => {
    const hierarchy = existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
    const group = path.join(hierarchy, 'patchbay', netns);
    await mkdir(path.join(group, podUid), { recursive: true });
    driver.close();
    driver = await open();
    expect(existsSync(group)).toBe(false);
  });
});
