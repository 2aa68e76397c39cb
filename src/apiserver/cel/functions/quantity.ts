import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';

const SUFFIXES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  n: [1n, 1_000_000_000n],
  u: [1n, 1_000_000n],
  m: [1n, 1_000n],
  '': [1n, 1n],
  k: [10n ** 3n, 1n],
  M: [10n ** 6n, 1n],
  G: [10n ** 9n, 1n],
  T: [10n ** 12n, 1n],
  P: [10n ** 15n, 1n],
  E: [10n ** 18n, 1n],
  Ki: [1n << 10n, 1n],
  Mi: [1n << 20n, 1n],
  Gi: [1n << 30n, 1n],
  Ti: [1n << 40n, 1n],
  Pi: [1n << 50n, 1n],
  Ei: [1n << 60n, 1n],
};

const QUANTITY =
  /^([+-]?)(\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/;
const NANO = 1_000_000_000n;
const MAX_INT = 2n ** 63n - 1n;

/** `kubernetes.Quantity`: a number counted in billionths, which is as fine as Kubernetes keeps one. */
class Quantity {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

function parse(text: string): Quantity | undefined {
  const match = QUANTITY.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, sign, digits = '', suffix = '', exponent] = match;
  const [whole = '', fraction = ''] = digits.split('.');
  let numerator = BigInt(`${whole}${fraction}` || '0') * NANO;
  let denominator = 10n ** BigInt(fraction.length);
  const [times, per] = SUFFIXES[suffix] ?? [1n, 1n];
  numerator *= times;
  denominator *= per;
  const power = Number(exponent ?? 0);
  if (power >= 0) {
    numerator *= 10n ** BigInt(power);
  } else {
    denominator *= 10n ** BigInt(-power);
  }
  // Kubernetes rounds what is finer than a billionth away from zero.
  const nanos = (numerator + denominator - 1n) / denominator;
  return new Quantity(sign === '-' ? -nanos : nanos);
}

function must(text: string): Quantity {
  const quantity = parse(text);
  if (quantity === undefined) {
    throw new CelError(
      `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', got ${JSON.stringify(text)}`,
    );
  }
  return quantity;
}

function isInteger({ nanos }: Quantity): boolean {
  const value = nanos / NANO;
  return nanos % NANO === 0n && value <= MAX_INT && value >= -MAX_INT - 1n;
}

function asInteger(quantity: Quantity): bigint {
  if (!isInteger(quantity)) {
    throw new CelError('cannot convert value to integer');
  }
  return quantity.nanos / NANO;
}

function compare(a: Quantity, b: Quantity): bigint {
  if (a.nanos === b.nanos) {
    return 0n;
  }
  return a.nanos < b.nanos ? -1n : 1n;
}

/** `quantity()`, `isQuantity()` and the methods of quantities. */
export function registerQuantity(environment: Environment): void {
  const Q = 'kubernetes.Quantity';
  environment
    .registerType(Q, { ctor: Quantity, fields: {} })
    .registerFunction(`quantity(string): ${Q}`, must)
    .registerFunction('isQuantity(string): bool', (text: string) => parse(text) !== undefined)
    .registerFunction(`${Q}.sign(): int`, (q: Quantity) => compare(q, new Quantity(0n)))
    .registerFunction(`${Q}.isInteger(): bool`, isInteger)
    .registerFunction(`${Q}.asInteger(): int`, asInteger)
    .registerFunction(`${Q}.asApproximateFloat(): double`, (q: Quantity) => Number(q.nanos) / Number(NANO))
    .registerFunction(`${Q}.add(${Q}): ${Q}`, (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos))
    .registerFunction(`${Q}.add(int): ${Q}`, (a: Quantity, b: bigint) => new Quantity(a.nanos + b * NANO))
    .registerFunction(`${Q}.sub(${Q}): ${Q}`, (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos))
    .registerFunction(`${Q}.sub(int): ${Q}`, (a: Quantity, b: bigint) => new Quantity(a.nanos - b * NANO))
    .registerFunction(`${Q}.isGreaterThan(${Q}): bool`, (a: Quantity, b: Quantity) => a.nanos > b.nanos)
    .registerFunction(`${Q}.isLessThan(${Q}): bool`, (a: Quantity, b: Quantity) => a.nanos < b.nanos)
    .registerFunction(`${Q}.compareTo(${Q}): int`, compare)
    .registerOperator(`${Q} == ${Q}`, (a: Quantity, b: Quantity) => a.nanos === b.nanos);
}
