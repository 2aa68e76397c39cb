/**
 * Does one thing with an agent's drivers and dies at one of its steps, as an agent that is killed: `dying.ts STEP TASK`.
 * A step is a call that touches files, or the start of a command (before it, and once it has been started).
 * Ends with 0 when there are fewer steps.
 */
import childProcess from 'node:child_process';
import files from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import type { ContainerDriverOptions } from '#drivers/pod/real.ts';
import type { ContainerResources, ContainerState } from '#node-state/container.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';

/** What is done: a volume `v` of files, a container, other limits for one, or a DHCP server. */
export interface DyingTask {
  readonly options: Omit<ContainerDriverOptions, 'log'>;
  readonly dhcp?: DhcpServer;
  readonly volume?: { readonly podUid: string; readonly files: Readonly<Record<string, string>> };
  readonly container?: ContainerState;
  readonly limits?: { readonly id: string; readonly resources: ContainerResources };
}

const [, , number = '', json = '{}'] = process.argv;
let left = Number(number);

function step(): void {
  left -= 1;
  if (left === 0) {
    process.kill(process.pid, 'SIGKILL');
  }
}

type Callable = (...args: unknown[]) => unknown;

/** Counts the calls of some functions of a module, and the time after the call as well when it starts something. */
function count(module: object, names: readonly string[], isStart = false): void {
  for (const name of names) {
    const original = Reflect.get(module, name) as Callable;
    Reflect.set(module, name, (...args: unknown[]) => {
      step();
      const result = original(...args);
      if (isStart) step();
      return result;
    });
  }
}

const task = JSON.parse(json) as DyingTask;
const { createContainerDriver } = await import('#drivers/pod/real.ts');
const { createDhcpDriver } = await import('#drivers/dnsmasq/real.ts');
const driver = createContainerDriver({ ...task.options, log: console });
await driver.load();
count(promises, ['chmod', 'chown', 'mkdir', 'rename', 'rm', 'symlink', 'writeFile']);
count(files, ['renameSync', 'writeFileSync']);
count(childProcess, ['spawn'], true);
syncBuiltinESMExports();
if (task.volume !== undefined) {
  const contents = Object.entries(task.volume.files).map(([name, text]) => ({
    path: name,
    mode: 0o644,
    content: Buffer.from(text),
  }));
  await driver.prepareVolumes(task.volume.podUid, [{ name: 'v', type: 'files', files: contents }]);
}
if (task.container !== undefined) {
  await driver.start(task.container);
}
if (task.limits !== undefined) {
  await driver.updateResources(task.limits.id, task.limits.resources);
}
if (task.dhcp !== undefined) {
  await createDhcpDriver(task.options).apply([{ op: 'create', to: task.dhcp }]);
}
driver.close();
