/**
 * Resource quantities: `500m`, `1Gi`, `1k`, `1e3`.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
import { PatchbayError } from './errors.ts';

const pattern = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/;

const suffixes: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * The value of a quantity in its base unit (bytes, cores, pieces), fractions kept.
 * @throws PatchbayError `InvalidQuantity`, not retryable, when the text is none.
 */
export function parseQuantity(quantity: string | number): number {
  if (typeof quantity === 'number') {
    return quantity;
  }
  const match = pattern.exec(quantity.trim());
  if (match === null) {
    throw new PatchbayError(
      'InvalidQuantity',
      `${JSON.stringify(quantity)} is not a quantity; write a number with an optional suffix, such as 500m, 2, 512Mi or 1Gi`,
      { retryable: false },
    );
  }
  const [, digits = '0', exponent = '', suffix] = match;
  return Number(`${digits}${exponent}`) * (suffix === undefined ? 1 : (suffixes[suffix] ?? 1));
}

/** A quantity in thousandths, rounded up: what CPU is counted in. */
export function milliValue(quantity: string | number): number {
  return Math.ceil(Number((parseQuantity(quantity) * 1000).toPrecision(15)));
}

/** A quantity in whole units, rounded up: what memory and extended resources are counted in. */
export function wholeValue(quantity: string | number): number {
  return Math.ceil(Number(parseQuantity(quantity).toPrecision(15)));
}

/** Bytes with the largest binary suffix that keeps the number whole: `268435456` -> `256Mi`. */
export function formatBytes(bytes: number): string {
  let value = Math.ceil(bytes);
  for (const suffix of ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi']) {
    if (value === 0 || value % 1024 !== 0 || suffix === 'Pi') {
      return `${value}${suffix}`;
    }
    value /= 1024;
  }
  return `${value}`;
}

/** Thousandths as text: `1500` -> `1500m`, `2000` -> `2`. */
export function formatMilli(milli: number): string {
  return milli % 1000 === 0 ? `${milli / 1000}` : `${milli}m`;
}
