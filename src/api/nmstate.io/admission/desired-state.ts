/** Reading desiredState and currentState: free form, so every part is looked at before it is trusted. */

/** An object of unknown shape. */
export type Part = Readonly<Record<string, unknown>>;

/** A part of the state with its path. */
export interface PlacedPart {
  readonly part: Part;
  readonly field: string;
}

export function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The interfaces of a state; what is no object is left out. */
export function interfacesOf(state: unknown): readonly Part[] {
  const list = isPart(state) ? state['interfaces'] : undefined;
  return Array.isArray(list) ? list.filter(isPart) : [];
}

/** Entries of a list below `part`, with their paths; what is no object is left out. */
export function entriesOf(part: Part, key: string, field: string): readonly PlacedPart[] {
  const list = part[key];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown, index) =>
    isPart(entry) ? [{ part: entry, field: `${field}.${key}[${index}]` }] : [],
  );
}

/** The object under `key`, or an empty one. */
export function partOf(part: Part, key: string): Part {
  const value = part[key];
  return isPart(value) ? value : {};
}

/** Whether a value is filled in from a capture, `"{{ capture.x }}"`, and so cannot be checked yet. */
export function isTemplate(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{');
}
