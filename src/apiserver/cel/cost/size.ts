/** Sizes as cel-go's cost estimates count them: characters, bytes, items or entries; `Infinity` is a size without a bound. */

/** The least and the most that a value can be. */
export interface Size {
  readonly min: number;
  readonly max: number;
}

/** What is assumed of a value that nothing bounds. */
export const unbounded: Size = { min: 0, max: Infinity };

/** One size. */
export function fixed(size: number): Size {
  return { min: size, max: size };
}

/** A product in which nothing times anything is nothing. */
export function times(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : a * b;
}

/** Cost units of going over `size` units that cost `factor` each, rounded up. */
export function traversal(size: number, factor = STRING_FACTOR): number {
  return Math.ceil(times(size, factor));
}

export function sum(a: Size, b: Size): Size {
  return { min: a.min + b.min, max: a.max + b.max };
}

export function product(a: Size, b: Size): Size {
  return { min: times(a.min, b.min), max: times(a.max, b.max) };
}

/** The range that holds both. */
export function union(a: Size, b: Size): Size {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** Cost units of one character. */
const STRING_FACTOR = 0.1;
