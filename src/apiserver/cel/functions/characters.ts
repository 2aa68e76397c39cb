import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';
import { replacement } from '../replaced.ts';

/** Texts by characters, as cel-go's string extension has them (`ext/strings.go`, version 2). */
export function registerCharacters(environment: Environment): void {
  const [indexOf, lastIndexOf, substring, split] = ['indexOf', 'lastIndexOf', 'substring', 'split'].map(
    replacement,
  ) as [string, string, string, string];
  environment
    .registerFunction(`string.${indexOf}(string): int`, (text: string, part: string) => find(text, part, 0n))
    .registerFunction(`string.${indexOf}(string, int): int`, find)
    .registerFunction(`string.${lastIndexOf}(string): int`, (text: string, part: string) =>
      part === '' ? BigInt([...text].length) : findLast(text, part, BigInt([...text].length - 1)),
    )
    .registerFunction(`string.${lastIndexOf}(string, int): int`, findLast)
    .registerFunction(`string.${substring}(int): string`, (text: string, from: bigint) =>
      cut(text, from, BigInt([...text].length)),
    )
    .registerFunction(`string.${substring}(int, int): string`, cut)
    .registerFunction(`string.${split}(string): list<string>`, (text: string, separator: string) =>
      splitText(text, separator, -1n),
    )
    .registerFunction(`string.${split}(string, int): list<string>`, splitText)
    .registerFunction(`string.${replacement('lowerAscii')}(): string`, (text: string) =>
      text.replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase()),
    )
    .registerFunction(`string.${replacement('upperAscii')}(): string`, (text: string) =>
      text.replaceAll(/[a-z]+/g, (letters) => letters.toUpperCase()),
    );
}

function outOfRange(index: bigint): CelError {
  return new CelError(`index out of range: ${index}`);
}

/** The characters before a place in UTF-16 units. */
function placeOf(text: string, units: number): bigint {
  return units < 0 ? -1n : BigInt([...text.slice(0, units)].length);
}

/** The place in UTF-16 units of a character. @throws CelError */
function unitsOf(text: string, index: bigint): number {
  const characters = [...text];
  if (index < 0n || index >= BigInt(characters.length)) {
    throw outOfRange(index);
  }
  return characters.slice(0, Number(index)).join('').length;
}

function find(text: string, part: string, from: bigint): bigint {
  if (part === '') {
    return from;
  }
  return text === '' && from === 0n ? -1n : placeOf(text, text.indexOf(part, unitsOf(text, from)));
}

function findLast(text: string, part: string, from: bigint): bigint {
  if (part === '') {
    return from;
  }
  return text === '' && from <= 0n ? -1n : placeOf(text, text.lastIndexOf(part, unitsOf(text, from)));
}

function cut(text: string, from: bigint, to: bigint): string {
  const characters = [...text];
  const length = BigInt(characters.length);
  if (from < 0n || from > length) {
    throw outOfRange(from);
  }
  if (from > to) {
    throw new CelError(`invalid substring range. start: ${from}, end: ${to}`);
  }
  if (to > length) {
    throw outOfRange(to);
  }
  return characters.slice(Number(from), Number(to)).join('');
}

/** At most so many parts, all of them when the number is negative; the last one has what is left. */
function splitText(text: string, separator: string, most: bigint): string[] {
  if (most === 0n) {
    return [];
  }
  const parts = separator === '' ? [...text] : text.split(separator);
  if (most < 0n || BigInt(parts.length) <= most) {
    return parts;
  }
  const count = Number(most) - 1;
  return [...parts.slice(0, count), parts.slice(count).join(separator)];
}
