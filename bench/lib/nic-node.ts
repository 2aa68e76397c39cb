/** A node for `nic.ts`: a network namespace with an Open vSwitch of its own, where nothing else happens. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { netnsDir, run } from '#drivers/command.ts';
import { makeNetns, startSwitch } from '../../test/integration/support/open-vswitch.ts';
import type { Session } from './session.ts';

export const nodeName = 'bench-nic';
/** The one sandbox, made and removed again and again. */
export const sandboxName = `${nodeName}.vm`;

/** Makes the node, and runs this very program inside of it with what it is to know. */
export async function runInNode(session: Session, program: string, argv: readonly string[]): Promise<void> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'patchbay-bench-nic-'));
  session.undoLater(() => rm(directory, { recursive: true, force: true }));
  const removeNetns = await makeNetns(nodeName);
  session.undoLater(removeNetns);
  const ovs = await startSwitch(nodeName, directory);
  session.undoLater(() => ovs.dispose());
  session.undoLater(removeSandboxes);
  for (const bridge of ['br-int', 'br1']) {
    await ovs.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, 'datapath_type=netdev');
  }
  const env = { ...process.env, BENCH_NODE: directory, OVS_DB: ovs.db.remote };
  const inside = ['nsenter', `--net=${netnsDir}/${nodeName}`, '--', process.execPath, program, ...argv];
  const child = spawn(inside[0] ?? '', inside.slice(1), { env, stdio: 'inherit' });
  const [code] = await once(child, 'close');
  if (code !== 0) {
    session.signal.throwIfAborted();
    throw new Error(`the part of the benchmark inside of ${nodeName} ended with status ${code}`);
  }
}

/** What an interrupted run left. */
async function removeSandboxes(): Promise<void> {
  const left = (await readdir(netnsDir)).filter((name) => name.startsWith(`${nodeName}.`));
  for (const name of left) {
    for (const pid of (await run(['ip', 'netns', 'pids', name])).stdout.split('\n').filter(Boolean)) {
      process.kill(Number(pid), 'SIGKILL');
    }
    await run(['ip', 'netns', 'del', name]);
  }
}
