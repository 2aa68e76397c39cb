/**
 * Is the history of one object linearizable? The search of Wing and Gong with Lowe's memory: take any operation that may
 * come first, go on from the state it leaves, go back when that leads nowhere, and never look at the same state twice.
 */

/** What an operation did, as far as its client knows. `undefined` as a value: the object is not there. */
export interface Operation {
  readonly kind: 'get' | 'create' | 'put' | 'cas';
  /** What it wrote, or for `get` what it read. */
  readonly value: string | undefined;
  /** For `cas`: what had to be there. */
  readonly expected?: string | undefined;
  /** `unknown`: no answer came; it may have happened at any time since, or never. */
  readonly result: 'done' | 'refused' | 'unknown';
  readonly start: number;
  /** Infinity when the result is unknown. */
  readonly end: number;
}

/** The state after an operation, or `impossible`. */
function step(
  state: string | undefined,
  operation: Operation,
): { readonly state: string | undefined } | undefined {
  const { kind, value, expected, result } = operation;
  if (kind === 'get') {
    return value === state ? { state } : undefined;
  }
  const applies =
    kind === 'create'
      ? state === undefined
      : kind === 'put'
        ? state !== undefined
        : state !== undefined && state === expected;
  if (result === 'refused') {
    return applies ? undefined : { state };
  }
  return applies ? { state: value } : undefined;
}

/** A place in the list of calls and returns that are still to be put in order. */
interface Mark {
  readonly operation: Operation;
  readonly index: number;
  readonly time: number;
  /** The mark of the call's return; absent on returns. */
  back: Mark | undefined;
  before: Mark | undefined;
  after: Mark | undefined;
}

function marksOf(operations: readonly Operation[]): Mark {
  const marks: Mark[] = [];
  for (const [index, operation] of operations.entries()) {
    const open = { operation, index, before: undefined, after: undefined };
    const back: Mark = { ...open, time: operation.end, back: undefined };
    marks.push({ ...open, time: operation.start, back }, back);
  }
  // At the same time, calls come first: then the operations overlap.
  marks.sort((a, b) =>
    a.time === b.time ? Number(a.back === undefined) - Number(b.back === undefined) : a.time - b.time,
  );
  const head: Mark = {
    operation: marks[0]?.operation as Operation,
    index: -1,
    time: -1,
    back: undefined,
    before: undefined,
    after: undefined,
  };
  let last = head;
  for (const mark of marks) {
    last.after = mark;
    mark.before = last;
    last = mark;
  }
  return head;
}

function unlink(mark: Mark): void {
  if (mark.before !== undefined) {
    mark.before.after = mark.after;
  }
  if (mark.after !== undefined) {
    mark.after.before = mark.before;
  }
}

function relink(mark: Mark): void {
  if (mark.before !== undefined) {
    mark.before.after = mark;
  }
  if (mark.after !== undefined) {
    mark.after.before = mark;
  }
}

/** Which operations are in order so far. */
class Chosen {
  readonly #words: Uint32Array;

  constructor(size: number) {
    this.#words = new Uint32Array((size >> 5) + 1);
  }

  flip(index: number): void {
    const word = index >> 5;
    this.#words[word] = (this.#words[word] ?? 0) ^ (1 << (index & 31));
  }

  get key(): string {
    return this.#words.join();
  }
}

/** True when some order of the operations explains every answer. The object is not there at first. */
export function isLinearizable(operations: readonly Operation[]): boolean {
  const head = marksOf(operations);
  const chosen = new Chosen(operations.length);
  const seen = new Set<string>();
  const taken: { readonly mark: Mark; readonly state: string | undefined }[] = [];
  let state: string | undefined;
  let at = head.after;
  while (at !== undefined) {
    if (at.back !== undefined) {
      const next = step(state, at.operation);
      if (next !== undefined) {
        chosen.flip(at.index);
        const key = `${next.state}|${chosen.key}`;
        if (!seen.has(key)) {
          seen.add(key);
          taken.push({ mark: at, state });
          state = next.state;
          unlink(at);
          unlink(at.back);
          at = head.after;
          continue;
        }
        chosen.flip(at.index);
      }
      at = at.after;
    } else if (at.time === Number.POSITIVE_INFINITY) {
      return true; // Only operations without an answer are left, and those need not have happened.
    } else {
      const last = taken.pop();
      if (last === undefined || last.mark.back === undefined) {
        return false;
      }
      relink(last.mark.back);
      relink(last.mark);
      chosen.flip(last.mark.index);
      state = last.state;
      at = last.mark.after;
    }
  }
  return true;
}
