/** Daemons that die come back by the supervisor, whoever else died before. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { commandEnv, run } from '#drivers/command.ts';
import { nodeCommand } from '#lab/config.ts';
import { createDatabase } from '#lab/database.ts';
import { writeJsonFile } from '#lab/lock.ts';
import { programsDir } from '#lab/names.ts';
import { readPidFile, startTimeOf } from '#lab/process.ts';
import { builtPrograms } from '#lab/programs.ts';
import { askSupervisor, type DaemonSpec, type SupervisorConfig } from '#lab/supervisor-protocol.ts';
import { until } from '#lab/wait.ts';
import { killPidfile, OVN_NB_SCHEMA, VSWITCH_SCHEMA } from './support/ovsdb.ts';

const programs = await builtPrograms(programsDir);
let directory: string;
let supervisors: ChildProcess[];
const at = (name: string): string => path.join(directory, name);

/** A greeting whose effect can be seen. */
const quietly: DaemonSpec['greeting'] = [{ method: 'vlog/set', params: ['syslog:emer'] }];
const isQuiet = async (): Promise<boolean> =>
  /^poll_loop\s+OFF\s+EMER\s/m.test(
    (await run(['ovs-appctl', '-t', at('database.ctl'), 'vlog/list'])).stdout,
  );

beforeEach(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'patchbay-daemons-'));
  supervisors = [];
  await createDatabase(at('conf.db'), VSWITCH_SCHEMA);
  configure(quietly);
});

function configure(greeting: DaemonSpec['greeting']): void {
  const config: SupervisorConfig = {
    instance: 'test',
    socket: at('supervisor.sock'),
    pidFile: at('supervisor.pid'),
    children: [],
    daemons: [
      {
        name: 'database',
        argv: [
          'ovsdb-server',
          at('conf.db'),
          `--remote=punix:${at('db.sock')}`,
          `--unixctl=${at('database.ctl')}`,
          `--pidfile=${at('database.pid')}`,
          `--log-file=${at('database.log')}`,
          '-vconsole:off',
          '--detach',
          '--monitor',
        ],
        env: commandEnv(),
        pidFile: at('database.pid'),
        control: at('database.ctl'),
        greeting,
      },
    ],
  };
  writeJsonFile(at('supervisor.json'), config);
}

afterEach(async () => {
  await Promise.all(supervisors.map((one) => end(one, 'SIGTERM')));
  await killPidfile(at('database.pid'));
  rmSync(directory, { recursive: true });
});

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await until('end', 10_000, () => child.exitCode !== null || child.signalCode !== null);
}

function startSupervisor(): ChildProcess {
  const [command, ...rest] = [...nodeCommand('supervisor', programs), '--config', at('supervisor.json')];
  const child = spawn(command, rest, { stdio: 'ignore' });
  supervisors.push(child);
  return child;
}

async function awaitRunning(restarts: number): Promise<void> {
  await until('the daemon', 10_000, async () => {
    const [one] = (await askSupervisor(at('supervisor.sock'), 'status'))?.daemons ?? [];
    return one?.state === 'running' && one.restarts === restarts;
  });
}

const pid = (): number => readPidFile(at('database.pid'))?.pid ?? 0;
const vsctl = async (...words: string[]): Promise<string> =>
  (await run(['ovs-vsctl', `--db=unix:${at('db.sock')}`, '--no-wait', ...words])).stdout.trim();

test('a killed daemon comes back with what it had stored, and is greeted again', async () => {
  startSupervisor();
  await awaitRunning(1);
  await vsctl('init', '--', 'add-br', 'kept');
  process.kill(pid(), 'SIGKILL');
  await awaitRunning(2);
  expect(await vsctl('list-br')).toBe('kept');
  await until('the greeting', 5000, isQuiet);
});

test('what a daemon refuses it is told again until it takes it, and what comes behind waits', async () => {
  const add = { method: 'ovsdb-server/add-db', params: [at('late.db')] };
  configure([add, ...quietly]);
  startSupervisor();
  await until('a refusal', 10_000, async () => {
    const [one] = (await askSupervisor(at('supervisor.sock'), 'status'))?.daemons ?? [];
    return one?.state === 'running' && one.problem?.startsWith('refuses ovsdb-server/add-db: ') === true;
  });
  expect(await isQuiet()).toBe(false);
  await createDatabase(at('late.db'), OVN_NB_SCHEMA);
  await until('the rest of the greeting', 10_000, isQuiet);
  const { stdout } = await run(['ovs-appctl', '-t', at('database.ctl'), 'ovsdb-server/list-dbs']);
  expect(stdout).toContain('OVN_Northbound');
});

test('its own monitor and the supervisor together start one daemon, not two', async () => {
  startSupervisor();
  await awaitRunning(1);
  const before = pid();
  process.kill(before, 'SIGSEGV');
  await until('another daemon', 10_000, async () => {
    const [one] = (await askSupervisor(at('supervisor.sock'), 'status'))?.daemons ?? [];
    return one?.state === 'running' && ![0, before].includes(pid());
  });
  const { stdout } = await run(['pgrep', '-c', '-f', `ovsdb-server ${at('conf.db')}`]);
  expect(stdout.trim()).toBe('1');
});

test('a daemon outlives a killed supervisor; the next one starts what died meanwhile', async () => {
  const first = startSupervisor();
  await awaitRunning(1);
  const before = pid();
  await end(first, 'SIGKILL');
  expect(startTimeOf(before)).toBeDefined();
  const second = startSupervisor();
  await awaitRunning(0);
  expect(pid()).toBe(before);
  await end(second, 'SIGKILL');
  process.kill(before, 'SIGKILL');
  startSupervisor();
  await awaitRunning(1);
});
