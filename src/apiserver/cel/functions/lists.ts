import type { Environment } from '@marcbachmann/cel-js';
import { CelError, celLibrary } from '../library.ts';
import { replacement } from '../replaced.ts';
import type { CelDuration } from './conversions.ts';
import { celEqual } from './equal.ts';

type List = readonly unknown[];
type Comparable = bigint | number | string | boolean | Date;

function sorted(list: List): boolean {
  return list.every((item, index) => index === 0 || (list[index - 1] as Comparable) <= (item as Comparable));
}

function sum(list: List): unknown {
  const [first] = list;
  if (typeof first === 'object' && first !== null && 'nanos' in first) {
    return sumOfDurations(list as readonly CelDuration[]);
  }
  return list.some((item) => typeof item === 'number')
    ? list.reduce<number>((total, item) => total + Number(item), 0)
    : list.reduce<bigint>((total, item) => total + (item as bigint), 0n);
}

/** The package adds durations, but only in expressions. */
function sumOfDurations(list: readonly CelDuration[]): unknown {
  const { evaluate } = celLibrary();
  return list.reduce<unknown>(
    (total, item) => (total === undefined ? item : evaluate('a + b', { a: total, b: item })),
    undefined,
  );
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
    );
  for (const named of [(name: string) => name, replacement]) {
    environment
      .registerFunction(`list.${named('indexOf')}(dyn): int`, (list: List, item: unknown) =>
        BigInt(list.findIndex((other) => celEqual(other, item))),
      )
      .registerFunction(`list.${named('lastIndexOf')}(dyn): int`, (list: List, item: unknown) =>
        BigInt(list.findLastIndex((other) => celEqual(other, item))),
      );
  }
  environment
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
