import { deepEqual } from '../../patch/equal.ts';
import { celLibrary } from '../library.ts';

/** Equality of CEL values inside of others: Maps and objects stand for maps, numbers of different kinds are compared by value. */
export function celEqual(a: unknown, b: unknown): boolean {
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, value]) => b.has(key) && celEqual(value, b.get(key)));
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => celEqual(item, b[index]));
  }
  if (isNumber(a) && isNumber(b)) {
    // biome-ignore lint/suspicious/noDoubleEquals: compares a BigInt with a number by value.
    return a == b;
  }
  if (a instanceof Date && b instanceof Date) {
    return a.getTime() === b.getTime();
  }
  const { Optional } = celLibrary();
  if (a instanceof Optional && b instanceof Optional) {
    return a.hasValue() ? b.hasValue() && celEqual(a.value(), b.value()) : !b.hasValue();
  }
  return deepEqual(a, b);
}

function isNumber(value: unknown): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}
