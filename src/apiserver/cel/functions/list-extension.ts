import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';
import { celEqual } from './equal.ts';

type List = readonly unknown[];

/** Most numbers that `lists.range` makes. */
const MAX_RANGE = 10_000_000n;

class ListsNamespace {}

/** CEL's list extension (cel-go `ext/lists.go`, version 3), without `sortBy`, which is a macro. */
export function registerListExtension(environment: Environment): void {
  environment
    .registerFunction('list.slice(int, int): list<dyn>', slice)
    .registerFunction('list.flatten(): list<dyn>', (list: List) => flatten(list, 1n))
    .registerFunction('list.flatten(int): list<dyn>', flatten)
    .registerFunction('list.sort(): list<dyn>', (list: List) => sortByKeys(list, list))
    .registerFunction('list.reverse(): list<dyn>', (list: List) => list.toReversed())
    .registerFunction('list.distinct(): list<dyn>', distinct)
    .registerType('ListsNamespace', { ctor: ListsNamespace, fields: {} })
    .registerConstant('lists', 'ListsNamespace', new ListsNamespace())
    .registerFunction('ListsNamespace.range(int): list<int>', (_: unknown, size: bigint) => range(size));
}

function slice(list: List, start: bigint, end: bigint): List {
  const fault =
    start < 0n || end < 0n
      ? 'negative indexes not supported'
      : start > end
        ? 'start index must be less than or equal to end index'
        : end > BigInt(list.length)
          ? `list is length ${list.length}`
          : undefined;
  if (fault !== undefined) {
    throw new CelError(`cannot slice(${start}, ${end}), ${fault}`);
  }
  return list.slice(Number(start), Number(end));
}

function flatten(list: List, depth: bigint): List {
  if (depth < 0n) {
    throw new CelError('level must be non-negative');
  }
  // Lists in lists are no deeper than what made them: a number that is larger means all of them.
  return list.flat(Number(depth < 1000n ? depth : 1000n) as 1);
}

function range(size: bigint): bigint[] {
  if (size < 0n) {
    throw new CelError(`lists.range: size must be non-negative, got ${size}`);
  }
  if (size > MAX_RANGE) {
    throw new CelError(`lists.range: size ${size} exceeds maximum allowed (${MAX_RANGE})`);
  }
  return Array.from({ length: Number(size) }, (_, at) => BigInt(at));
}

function distinct(list: List): List {
  const found: unknown[] = [];
  for (const item of list) {
    if (!found.some((other) => celEqual(item, other))) {
      found.push(item);
    }
  }
  return found;
}

/** The items of a list in the order of their keys. @throws CelError when keys cannot be compared with each other */
export function sortByKeys(list: List, keys: List): List {
  const kind = keys.length === 0 ? undefined : kindOf(keys[0]);
  if (keys.length > 0 && kind === undefined) {
    throw new CelError('list elements must be comparable');
  }
  if (keys.some((key) => kindOf(key) !== kind)) {
    throw new CelError('list elements must have the same type');
  }
  return keys
    .map((key, at) => [key, list[at]] as const)
    .toSorted(([a], [b]) => compare(a, b))
    .map(([, item]) => item);
}

function kindOf(key: unknown): string | undefined {
  if (typeof key !== 'object' || key === null) {
    return key === null || key === undefined ? undefined : typeof key;
  }
  if (Array.isArray(key) || key instanceof Map || key.constructor === Object) {
    return undefined;
  }
  return key.constructor.name;
}

function compare(a: unknown, b: unknown): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) {
    return Buffer.compare(a, b);
  }
  if (typeof a === 'string' && typeof b === 'string') {
    return Buffer.compare(Buffer.from(a), Buffer.from(b));
  }
  const [left, right] = [a, b] as [number, number];
  return left < right ? -1 : left > right ? 1 : 0;
}
