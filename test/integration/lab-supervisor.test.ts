import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { nodeCommand } from '#lab/config.ts';
import { lockHolder, writeJsonFile } from '#lab/lock.ts';
import { programsDir } from '#lab/names.ts';
import { isRunning, startTimeOf } from '#lab/process.ts';
import { builtPrograms } from '#lab/programs.ts';
import {
  askSupervisor,
  type ChildSpec,
  type ChildStatus,
  type SupervisorConfig,
} from '#lab/supervisor-protocol.ts';
import { until } from '#lab/wait.ts';

const programs = await builtPrograms(programsDir);
let directory: string;
let config: SupervisorConfig;
let started: ChildProcess[];

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'patchbay-supervisor-'));
  config = {
    instance: 'test',
    socket: path.join(directory, 'supervisor.sock'),
    pidFile: path.join(directory, 'supervisor.pid'),
    children: [sleeper('one'), sleeper('two')],
    daemons: [],
  };
  started = [];
});

afterEach(async () => {
  for (const child of started) {
    child.kill('SIGTERM');
  }
  await until('end of supervisors', 10_000, () =>
    started.every(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null),
  );
  // What a killed supervisor leaves running is in its pid files.
  const pids = path.join(directory, 'pids');
  for (const file of existsSync(pids) ? readdirSync(pids) : []) {
    const holder = lockHolder(path.join(pids, file));
    if (holder !== undefined) {
      process.kill(holder.pid, 'SIGKILL');
    }
  }
  rmSync(directory, { recursive: true });
});

function sleeper(name: string, seconds = '1000'): ChildSpec {
  return {
    name,
    argv: ['/bin/sleep', seconds],
    env: { PATH: '/usr/bin:/bin' },
    logFile: path.join(directory, `${name}.log`),
  };
}

function start(): ChildProcess {
  const file = path.join(directory, 'supervisor.json');
  writeJsonFile(file, config);
  const [command, ...rest] = [...nodeCommand('supervisor', programs), '--config', file];
  const child = spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout?.resume();
  started.push(child);
  return child;
}

async function children(): Promise<readonly ChildStatus[]> {
  return (await askSupervisor(config.socket, 'status'))?.children ?? [];
}

async function running(): Promise<readonly ChildStatus[]> {
  await until('children', 10_000, async () => {
    const all = await children();
    return all.length > 0 && all.every(({ state }) => state === 'running');
  });
  return children();
}

test('keeps its children running, and its socket is for its owner only', async () => {
  start();
  const [one] = await running();
  expect(statSync(config.socket).mode & 0o777).toBe(0o600);
  process.kill(one?.pid ?? 0, 'SIGKILL');
  await until('restart', 10_000, async () => (await children())[0]?.restarts === 1);
  const [again] = await running();
  expect(again).toMatchObject({ name: 'one', restarts: 1, lastExit: 'SIGKILL', adopted: false });
  expect(again?.pid).not.toBe(one?.pid);
});

test('a second supervisor is refused and disturbs nothing', async () => {
  start();
  const before = await running();
  const second = start();
  await until('end of the second', 10_000, () => second.exitCode !== null);
  expect(second.exitCode).toBe(1);
  expect(await running()).toEqual(before);
});

test('children outlive a killed supervisor and are adopted by the next', async () => {
  const first = start();
  const before = await running();
  first.kill('SIGKILL');
  await until('end of the first', 10_000, () => first.signalCode !== null);
  start();
  const after = await running();
  expect(after.map(({ pid, adopted }) => [pid, adopted])).toEqual(before.map(({ pid }) => [pid, true]));
  process.kill(after[0]?.pid ?? 0, 'SIGKILL');
  await until('restart of the adopted', 10_000, async () => (await children())[0]?.restarts === 1);
});

test('SIGTERM stops the children, and removes lock, pid files and socket', async () => {
  const supervisor = start();
  const before = await running();
  supervisor.kill('SIGTERM');
  await until('end', 10_000, () => supervisor.exitCode !== null);
  expect(before.filter(({ pid }) => startTimeOf(pid ?? 0) !== undefined)).toEqual([]);
  expect(readdirSync(directory).toSorted()).toEqual(['one.log', 'pids', 'supervisor.json', 'two.log']);
  expect(readdirSync(path.join(directory, 'pids'))).toEqual([]);
});

test('reload starts what is new, stops what went, restarts what changed, leaves the rest', async () => {
  start();
  const [one, two] = await running();
  config = { ...config, children: [sleeper('one'), sleeper('two', '2000'), sleeper('three')] };
  writeJsonFile(path.join(directory, 'supervisor.json'), config);
  await askSupervisor(config.socket, 'reload', 10_000);
  const after = await running();
  expect(after.map(({ name }) => name).toSorted()).toEqual(['one', 'three', 'two']);
  expect(after.find(({ name }) => name === 'one')?.pid).toBe(one?.pid);
  expect(isRunning({ pid: two?.pid ?? 0, startTime: two?.startTime ?? '' })).toBe(false);
});

test('a child that cannot be started is tried again with growing delays', async () => {
  config = { ...config, children: [{ ...sleeper('gone'), argv: ['/does/not/exist'] }] };
  start();
  await until('three attempts', 10_000, async () => ((await children())[0]?.restarts ?? 0) >= 2);
  expect((await children())[0]?.lastExit).toContain('ENOENT');
});

test('an unknown command is refused with what is allowed', async () => {
  start();
  await running();
  await expect(askSupervisor(config.socket, 'explode' as 'status')).rejects.toThrow(
    /allowed: status, reload/,
  );
  expect(readFileSync(config.pidFile, 'utf8')).toMatch(/^\d+ \d+\n$/);
});
