/** Reading a desired state, which admission has checked but whose schema is open. */

/** One object of it. */
export type Part = Readonly<Record<string, unknown>>;

/** True for JSON objects. */
export function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object below; empty when there is none. */
export function partOf(part: Part, key: string): Part {
  const value = part[key];
  return isPart(value) ? value : {};
}

/** The objects of a list below; undefined when there is no list. */
export function listOf(part: Part, key: string): readonly Part[] | undefined {
  const value = part[key];
  return Array.isArray(value) ? value.filter(isPart) : undefined;
}

/** A text below. */
export function textOf(part: Part, key: string): string | undefined {
  const value = part[key];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A whole number below; texts of digits count, because YAML authors quote them. */
export function numberOf(part: Part, key: string): number | undefined {
  const value = part[key];
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) ? number : undefined;
}
