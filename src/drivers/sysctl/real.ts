/** Kernel parameters: one process per batch and network namespace. */
import { access } from 'node:fs/promises';
import { netnsDir, run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Sysctl } from '#node-state/link.ts';
import { type Netns, NODE, type Operation, type Outcome } from '#node-state/resource.ts';
import { observedSysctls, type SysctlDriver } from './driver.ts';

/** Makes the driver. */
export function createSysctlDriver(): SysctlDriver {
  return { kinds: ['sysctl'], observe, apply };
}

/** `sysctl -a` walks everything in 30 ms; `grep` on chosen names needs 3. */
async function observe(scope: Netns): Promise<readonly Sysctl[]> {
  if (scope !== NODE && !(await exists(scope))) {
    return [];
  }
  const includes = observedSysctls.map((name) => `--include=${name}`);
  const { stdout } = await run(['grep', '-rs', ...includes, '', '/proc/sys/net'], { netns: scope });
  return stdout.split('\n').flatMap((line) => {
    const [, path, value] = /^\/proc\/sys\/(\S+?):(.*)$/.exec(line) ?? [];
    return path === undefined || value === undefined
      ? []
      : [{ kind: 'sysctl', netns: scope, key: keyOfPath(path), value: value.trim() }];
  });
}

async function apply(operations: readonly Operation<Sysctl>[]): Promise<readonly Outcome<Sysctl>[]> {
  const groups = Map.groupBy(
    operations,
    (operation) => (operation.op === 'delete' ? operation.from : operation.to).netns,
  );
  const outcomes = await Promise.all([...groups].map(([netns, group]) => applyIn(netns, group)));
  const byOperation = new Map(outcomes.flat().map((outcome) => [outcome.operation, outcome]));
  return operations.map((operation) => byOperation.get(operation) ?? { operation });
}

async function applyIn(
  netns: Netns,
  operations: readonly Operation<Sysctl>[],
): Promise<readonly Outcome<Sysctl>[]> {
  const error = await write(netns, operations);
  if (error === undefined || operations.length === 1) {
    return operations.map((operation) => (error === undefined ? { operation } : { operation, error }));
  }
  const single: Outcome<Sysctl>[] = [];
  for (const operation of operations) {
    const refusal = await write(netns, [operation]);
    single.push(refusal === undefined ? { operation } : { operation, error: refusal });
  }
  return single;
}

async function write(netns: Netns, operations: readonly Operation<Sysctl>[]): Promise<Error | undefined> {
  const assignments = operations.flatMap((operation) =>
    operation.op === 'delete' ? [] : [`${pathOfKey(operation.to.key)}=${operation.to.value}`],
  );
  if (assignments.length === 0) {
    return undefined;
  }
  try {
    await run(['sysctl', '-q', '-w', ...assignments], { netns });
    return undefined;
  } catch (cause) {
    return new PatchbayError('KernelRefused', `kernel parameters ${assignments.join(', ')} were refused`, {
      cause,
    });
  }
}

/** Keys have dots between parts, like sysctl's; a dot inside a link's name is written as a slash there. */
function keyOfPath(path: string): string {
  return path
    .split('/')
    .map((part) => part.replaceAll('.', '/'))
    .join('.');
}

function pathOfKey(key: string): string {
  if (!/^net\.[A-Za-z0-9._/@-]+$/.test(key)) {
    throw new PatchbayError('InvalidName', `"${key}" is no kernel parameter below net.`, {
      retryable: false,
    });
  }
  return key;
}

async function exists(netns: Netns): Promise<boolean> {
  return access(`${netnsDir}/${netns}`).then(
    () => true,
    () => false,
  );
}
