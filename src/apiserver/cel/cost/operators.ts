/** What operators cost besides their operands. */
import { traversal } from './size.ts';
import type { Estimate } from './types.ts';

const TEXTS = new Set(['string', 'bytes']);
/** Library types whose equality costs one unit. */
const PLAIN_EQUALITY = new Set(['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver']);
/** Longest name of a format. */
const MAX_FORMAT = 64;

/** `==` and `!=` go over the shorter of both; only `==` knows library types. */
export function equality(op: '==' | '!=', a: Estimate, b: Estimate): number {
  const { kind } = a.type;
  if (op === '==' && kind === b.type.kind) {
    if (PLAIN_EQUALITY.has(kind)) {
      return 1;
    }
    if (kind === 'kubernetes.NamedFormat') {
      return traversal(MAX_FORMAT);
    }
    if (kind === 'kubernetes.URL') {
      return traversal(b.size?.max ?? 1);
    }
  }
  return shorter(a, b);
}

/** `<`, `<=`, `>` and `>=`: strings are gone over, anything else costs one unit. */
export function comparison(a: Estimate, b: Estimate): number {
  if (isText(a) || isText(b)) {
    return shorter(a, b);
  }
  return isDyn(a) && isDyn(b) ? Math.max(1, shorter(a, b)) : 1;
}

/** `in` looks at every item of a list, and up one key of a map. */
export function membership(range: Estimate): number {
  return range.type.kind === 'map' ? 1 : Math.max(isDyn(range) ? 1 : 0, range.size?.max ?? Infinity);
}

/** `+`: what it costs, and whether the result is as long as both together. */
export function addition(a: Estimate, b: Estimate): { readonly own: number; readonly sized: boolean } {
  if (a.type.kind === 'list' || b.type.kind === 'list') {
    return { own: 1, sized: true };
  }
  const copied = traversal((a.size?.max ?? Infinity) + (b.size?.max ?? Infinity));
  if (isText(a) || isText(b)) {
    return { own: copied, sized: true };
  }
  return isDyn(a) && isDyn(b) ? { own: Math.max(1, copied), sized: true } : { own: 1, sized: false };
}

function shorter(a: Estimate, b: Estimate): number {
  return traversal(Math.min(a.size?.max ?? Infinity, b.size?.max ?? Infinity));
}

function isText({ type }: Estimate): boolean {
  return TEXTS.has(type.kind);
}

function isDyn({ type }: Estimate): boolean {
  return type.kind === 'dyn';
}
