/** Causes of a refusal. `message` is the detail alone: the server puts `Invalid value: "x": ` before it. */
import type { Cause } from './meta.ts';

/** The value is wrong. */
export function invalid(field: string, value: unknown, detail: string): Cause {
  return { type: 'FieldValueInvalid', field, message: detail, value };
}

/** A field that must be there is not. */
export function required(field: string, detail: string): Cause {
  return { type: 'FieldValueRequired', field, message: detail };
}

/** The value was given before. */
export function duplicate(field: string, value: unknown, detail: string): Cause {
  return { type: 'FieldValueDuplicate', field, message: detail, value };
}

/** The field may not be set or changed. */
export function forbidden(field: string, detail: string): Cause {
  return { type: 'FieldValueForbidden', field, message: detail };
}

/** The value is none of those known; a near match is pointed out. */
export function notSupported(field: string, value: string, allowed: readonly string[]): Cause {
  const words = allowed.map((word) => JSON.stringify(word)).join(', ');
  const near = nearest(value, allowed);
  const hint = near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`;
  return { type: 'FieldValueNotSupported', field, message: `supported values: ${words}${hint}`, value };
}

/** The word at most `most` single-character edits away from `text`, the nearest one. */
export function nearest(text: string, words: readonly string[], most = 2): string | undefined {
  const ranked = words
    .filter((word) => word !== text && Math.abs(word.length - text.length) <= most)
    .map((word) => ({ word, edits: editDistance(text.toLowerCase(), word.toLowerCase()) }))
    .filter(({ edits, word }) => edits <= Math.min(most, Math.max(1, word.length - 1)))
    .sort((a, b) => a.edits - b.edits || a.word.localeCompare(b.word));
  return ranked[0]?.word;
}

/** Levenshtein distance: how many characters to insert, delete or replace. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, ofA] of [...a].entries()) {
    const current = [row + 1];
    for (const [column, ofB] of [...b].entries()) {
      const replaced = (previous[column] ?? 0) + (ofA === ofB ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
