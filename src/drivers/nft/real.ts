/** nftables through `nft -j`. */
import { access } from 'node:fs/promises';
import { netnsDir, run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { NftTable } from '#node-state/nft.ts';
import { type Netns, NODE, type Operation, type Outcome } from '#node-state/resource.ts';
import { documentOf, tablesOf } from './document.ts';
import type { NftDriver } from './driver.ts';

/** Makes the driver. */
export function createNftDriver(): NftDriver {
  return { kinds: ['nft-table'], observe, apply };
}

async function observe(scope: Netns): Promise<readonly NftTable[]> {
  if (!(await hasNetns(scope))) {
    return [];
  }
  const { stdout } = await run(['nft', '-j', 'list', 'ruleset'], { netns: scope });
  return tablesOf(scope, stdout);
}

/** One process per network namespace; when its transaction is refused, each table is tried alone to find which. */
async function apply(operations: readonly Operation<NftTable>[]): Promise<readonly Outcome<NftTable>[]> {
  const groups = Map.groupBy(operations, (operation) => tableOfOperation(operation).netns);
  const outcomes = await Promise.all([...groups].map(([netns, group]) => applyIn(netns, group)));
  const byOperation = new Map(outcomes.flat().map((outcome) => [outcome.operation, outcome]));
  return operations.map((operation) => byOperation.get(operation) ?? { operation });
}

async function applyIn(
  netns: Netns,
  operations: readonly Operation<NftTable>[],
): Promise<readonly Outcome<NftTable>[]> {
  const error = await submit(netns, operations);
  if (error === undefined) {
    return operations.map((operation) => ({ operation }));
  }
  if (operations.length === 1) {
    return operations.map((operation) => ({ operation, error }));
  }
  const single: Outcome<NftTable>[] = [];
  for (const operation of operations) {
    const refusal = await submit(netns, [operation]);
    single.push(refusal === undefined ? { operation } : { operation, error: refusal });
  }
  return single;
}

async function submit(netns: Netns, operations: readonly Operation<NftTable>[]): Promise<Error | undefined> {
  const isRemoval = operations.every(({ op }) => op === 'delete');
  if (isRemoval && !(await hasNetns(netns))) {
    return undefined;
  }
  try {
    // As an argument: `nft -f -` opens /dev/stdin again, which fails on the socket that Node gives as a pipe.
    await run(['nft', '-j', documentOf(operations)], { netns });
    return undefined;
  } catch (cause) {
    const names = operations.map((operation) => {
      const { family, name } = tableOfOperation(operation);
      return `${family} ${name}`;
    });
    return new PatchbayError('KernelRefused', `nftables refused table ${names.join(', ')}`, { cause });
  }
}

function tableOfOperation(operation: Operation<NftTable>): NftTable {
  return operation.op === 'delete' ? operation.from : operation.to;
}

async function hasNetns(netns: Netns): Promise<boolean> {
  if (netns === NODE) {
    return true;
  }
  return access(`${netnsDir}/${netns}`).then(
    () => true,
    () => false,
  );
}
