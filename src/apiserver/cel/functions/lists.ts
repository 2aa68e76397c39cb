import type { Environment } from '@marcbachmann/cel-js';
import { deepEqual } from '../../patch/equal.ts';
import { CelError } from '../library.ts';

type List = readonly unknown[];
type Comparable = bigint | number | string | boolean | Date;

function sorted(list: List): boolean {
  return list.every((item, index) => index === 0 || (list[index - 1] as Comparable) <= (item as Comparable));
}

function sum(list: List): bigint | number {
  return list.some((item) => typeof item === 'number')
    ? list.reduce<number>((total, item) => total + Number(item), 0)
    : list.reduce<bigint>((total, item) => total + (item as bigint), 0n);
}

function extreme(name: string, isBetter: (a: Comparable, b: Comparable) => boolean): (list: List) => unknown {
  return (list) => {
    if (list.length === 0) {
      throw new CelError(`${name} called on empty list`);
    }
    return (list as readonly Comparable[]).reduce((best, item) => (isBetter(item, best) ? item : best));
  };
}

function has(list: List, item: unknown): boolean {
  return list.some((other) => celEqual(other, item));
}

/** Equality of CEL values in lists: Maps stand for objects. */
function celEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && celEqual(value, b.get(key)));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => celEqual(item, b[index]));
  }
  if (typeof a === 'bigint' && typeof b === 'number') {
    return Number(a) === b;
  }
  return a instanceof Date && b instanceof Date ? a.getTime() === b.getTime() : deepEqual(a, b);
}

class SetsNamespace {}

/** Kubernetes' list library and CEL's `sets`. */
export function registerLists(environment: Environment): void {
  environment
    .registerFunction('list.isSorted(): bool', sorted)
    .registerFunction('list.sum(): dyn', sum)
    .registerFunction(
      'list.min(): dyn',
      extreme('min', (a, b) => a < b),
    )
    .registerFunction(
      'list.max(): dyn',
      extreme('max', (a, b) => a > b),
    )
    .registerFunction('list.indexOf(dyn): int', (list: List, item: unknown) => {
      return BigInt(list.findIndex((other) => celEqual(other, item)));
    })
    .registerFunction('list.lastIndexOf(dyn): int', (list: List, item: unknown) => {
      return BigInt(list.findLastIndex((other) => celEqual(other, item)));
    })
    .registerType('SetsNamespace', { ctor: SetsNamespace, fields: {} })
    .registerConstant('sets', 'SetsNamespace', new SetsNamespace())
    .registerFunction('SetsNamespace.contains(list, list): bool', (_: unknown, all: List, some: List) =>
      some.every((item) => has(all, item)),
    )
    .registerFunction(
      'SetsNamespace.equivalent(list, list): bool',
      (_: unknown, a: List, b: List) =>
        [...a].every((item) => has(b, item)) && b.every((item) => has(a, item)),
    )
    .registerFunction('SetsNamespace.intersects(list, list): bool', (_: unknown, a: List, b: List) =>
      a.some((item) => has(b, item)),
    );
}
