/** Sizes and traversals as cel-go counts them when an expression runs. */
import { CelCidr, CelIp } from '../functions/network.ts';

/** Units of going over so many characters, bytes or items. */
export function traversal(size: number, factor = 0.1): number {
  return Math.ceil(size * factor);
}

/** Characters, bytes, items or entries; 1 for anything else. Characters outside of the basic plane count twice. */
export function sizeOf(value: unknown): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) {
    return value.length;
  }
  if (typeof value !== 'object' || value === null) {
    return 1;
  }
  if (value instanceof Map || value instanceof Set) {
    return value.size;
  }
  if (value instanceof CelIp) {
    return value.bits / 8;
  }
  if (value instanceof CelCidr) {
    return Math.ceil(value.prefix / 8);
  }
  return isOptional(value)
    ? value.hasValue()
      ? sizeOf(value.value())
      : 1
    : value.constructor === Object
      ? Object.keys(value).length
      : 1;
}

/** Units of going over everything inside (apiserver `pkg/cel/library/cost.go`): bytes of strings rounded down, 1 for what is plain. */
export function deepTraversal(value: unknown): number {
  if (typeof value === 'string') {
    return Math.floor(Buffer.byteLength(value) * 0.1);
  }
  if (value instanceof Uint8Array) {
    return Math.floor(value.length * 0.1);
  }
  if (Array.isArray(value)) {
    return value.reduce<number>((units, item) => units + deepTraversal(item), 0);
  }
  if (value instanceof Map) {
    let units = 0;
    for (const [key, item] of value) {
      units += deepTraversal(key) + deepTraversal(item);
    }
    return units;
  }
  return 1;
}

/** Units of comparing every item with every other, and of a new list (cel-go `ext/lists.go`). */
export function selfComparison(list: readonly unknown[]): number {
  const [first] = list;
  const texts = typeof first === 'string' || first instanceof Uint8Array;
  return Math.floor(list.length ** 2 * (texts ? 2.1 : 2)) + NEW_LIST;
}

/** Units of a call that makes a list, besides its items. */
export const NEW_LIST = 11;

function isOptional(value: object): value is { hasValue(): boolean; value(): unknown } {
  return 'hasValue' in value && typeof value.hasValue === 'function';
}
