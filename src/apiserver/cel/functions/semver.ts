import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';

/** `kubernetes.Semver`. */
class Semver {
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];
  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
}

const NUMBER = /^(?:0|[1-9]\d{0,19})$/;
const IDENTIFIER = /^[0-9A-Za-z-]+$/;
const DIGITS = /^\d+$/;
const MAX_NUMBER = 2n ** 64n - 1n;

/** A version by semver.org, or why it is none. */
function parse(text: string): Semver | string {
  const [, core = '', prerelease, build] = /^([^-+]*)(?:-([^+]*))?(?:\+(.*))?$/s.exec(text) ?? [];
  const parts = core.split('.');
  if (text === '') {
    return 'Version string empty';
  }
  if (parts.length !== 3) {
    return 'No Major.Minor.Patch elements found';
  }
  const wrong = parts.findIndex((part) => !NUMBER.test(part) || BigInt(part) > MAX_NUMBER);
  if (wrong >= 0) {
    const [name, part = ''] = [['major', 'minor', 'patch'][wrong] ?? '', parts[wrong]];
    return DIGITS.test(part) && part.startsWith('0')
      ? `${name.charAt(0).toUpperCase()}${name.slice(1)} number must not contain leading zeroes ${JSON.stringify(part)}`
      : `Invalid character(s) found in ${name} number ${JSON.stringify(part)}`;
  }
  const before = prerelease?.split('.') ?? [];
  const fault = identifierFault(before, build?.split('.') ?? []);
  return fault ?? new Semver(parts.map(BigInt) as [bigint, bigint, bigint], before);
}

function identifierFault(prerelease: readonly string[], build: readonly string[]): string | undefined {
  if (prerelease.includes('')) {
    return 'Prerelease is empty';
  }
  const strange = prerelease.find((each) => !IDENTIFIER.test(each));
  if (strange !== undefined) {
    return `Invalid character(s) found in prerelease ${JSON.stringify(strange)}`;
  }
  const zero = prerelease.find((each) => DIGITS.test(each) && each.length > 1 && each.startsWith('0'));
  if (zero !== undefined) {
    return `Numeric PreRelease version must not contain leading zeroes ${JSON.stringify(zero)}`;
  }
  if (build.includes('')) {
    return 'Build meta data is empty';
  }
  const odd = build.find((each) => !IDENTIFIER.test(each));
  return odd === undefined
    ? undefined
    : `Invalid character(s) found in build meta data ${JSON.stringify(odd)}`;
}

/** Takes `v1`, `1.2` and `01.2.3` too. */
function parseLoosely(given: string): Semver | string {
  const [major = '', minor, ...rest] = given.replace(/^v/, '').split('.');
  const parts = [
    major,
    ...(minor === undefined ? [] : [minor]),
    ...(rest.length === 0 ? [] : [rest.join('.')]),
  ];
  const trimmed = parts.map((part) => (part.length > 1 ? withoutZeros(part) : part));
  if (trimmed.length < 3 && /[+-]/.test(trimmed.at(-1) ?? '')) {
    return 'short version cannot contain PreRelease/Build meta data';
  }
  return parse([...trimmed, '0', '0'].slice(0, 3).join('.'));
}

function withoutZeros(part: string): string {
  const rest = part.replace(/^0+/, '');
  return /^\d/.test(rest) ? rest : `0${rest}`;
}

function must(parsed: Semver | string): Semver {
  if (typeof parsed === 'string') {
    throw new CelError(parsed);
  }
  return parsed;
}

function compare(a: Semver, b: Semver): bigint {
  for (const [at, number] of a.numbers.entries()) {
    const other = b.numbers[at] ?? 0n;
    if (number !== other) {
      return number < other ? -1n : 1n;
    }
  }
  return comparePrerelease(a.prerelease, b.prerelease);
}

/** What has one comes before what has none; numbers come before words. */
function comparePrerelease(a: readonly string[], b: readonly string[]): bigint {
  if (a.length === 0 || b.length === 0) {
    return BigInt(Number(a.length === 0) - Number(b.length === 0));
  }
  for (const [at, left] of a.entries()) {
    const right = b[at];
    if (right === undefined) {
      return 1n;
    }
    const order = compareIdentifiers(left, right);
    if (order !== 0n) {
      return order;
    }
  }
  return a.length < b.length ? -1n : 0n;
}

function compareIdentifiers(a: string, b: string): bigint {
  const [first, second] = [DIGITS.test(a), DIGITS.test(b)];
  if (first && second) {
    return BigInt(a) < BigInt(b) ? -1n : BigInt(a) > BigInt(b) ? 1n : 0n;
  }
  if (first !== second) {
    return first ? -1n : 1n;
  }
  return a < b ? -1n : a > b ? 1n : 0n;
}

/** `semver()`, `isSemver()` and the methods of versions (apiserver `pkg/cel/library/semverlib.go`, version 1). */
export function registerSemver(environment: Environment): void {
  const S = 'kubernetes.Semver';
  const read = (text: string, loosely: boolean) => (loosely ? parseLoosely(text) : parse(text));
  environment
    .registerType(S, { ctor: Semver, fields: {} })
    .registerFunction(`semver(string): ${S}`, (text: string) => must(parse(text)))
    .registerFunction(`semver(string, bool): ${S}`, (text: string, loosely: boolean) =>
      must(read(text, loosely)),
    )
    .registerFunction('isSemver(string): bool', (text: string) => typeof parse(text) !== 'string')
    .registerFunction(
      'isSemver(string, bool): bool',
      (text: string, loosely: boolean) => typeof read(text, loosely) !== 'string',
    )
    .registerFunction(`${S}.major(): int`, ({ numbers }: Semver) => numbers[0])
    .registerFunction(`${S}.minor(): int`, ({ numbers }: Semver) => numbers[1])
    .registerFunction(`${S}.patch(): int`, ({ numbers }: Semver) => numbers[2])
    .registerFunction(`${S}.isGreaterThan(${S}): bool`, (a: Semver, b: Semver) => compare(a, b) > 0n)
    .registerFunction(`${S}.isLessThan(${S}): bool`, (a: Semver, b: Semver) => compare(a, b) < 0n)
    .registerFunction(`${S}.compareTo(${S}): int`, compare)
    .registerOperator(`${S} == ${S}`, (a: Semver, b: Semver) => compare(a, b) === 0n);
}
