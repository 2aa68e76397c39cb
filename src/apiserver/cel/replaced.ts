/*
 * Functions of the CEL package that do not do what cel-go's do: `matches` takes more than linear time, `bool` knows fewer words,
 * functions of texts count UTF-16 units and not characters, zones are names only. Calls of them are sent to functions of ours,
 * which have names that no rule can be written with, as long as nobody looks for them.
 */

const CALLS: ReadonlySet<string> = new Set(['bool']);
const METHODS: ReadonlySet<string> = new Set([
  'matches',
  'indexOf',
  'lastIndexOf',
  'substring',
  'lowerAscii',
  'upperAscii',
  'split',
]);
/** Replaced where they are given a zone. */
const ZONED: ReadonlySet<string> = new Set([
  'getDate',
  'getDayOfMonth',
  'getDayOfWeek',
  'getDayOfYear',
  'getFullYear',
  'getHours',
  'getMinutes',
  'getMonth',
  'getSeconds',
]);

const MARK = 'Patchbay';

/** Name of the function that takes the place of another. */
export function replacement(name: string): string {
  return `${name}${MARK}`;
}

/** The function that a call is sent to instead; undefined when it stays. */
export function replacementOf(op: string, name: string, args: number): string | undefined {
  const replaces =
    (op === 'call' && CALLS.has(name)) ||
    (op === 'rcall' && (METHODS.has(name) || (args === 1 && ZONED.has(name))));
  return replaces ? replacement(name) : undefined;
}

/** A name, or words with names in them, as the rule has them. */
export function withOriginalNames(text: string): string {
  return text.replaceAll(/(\w+)Patchbay\b/g, '$1');
}
