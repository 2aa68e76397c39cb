/** Rules of numbers and percentages that several kinds share, in upstream's words. */
import { isDeepStrictEqual } from 'node:util';
import { invalid } from './cause.ts';
import type { Cause } from './meta.ts';

const PERCENT = /^[0-9]+%$/;

/** Refuses a negative number. */
export function nonNegative(field: string, value: number | undefined): readonly Cause[] {
  return value !== undefined && value < 0
    ? [invalid(field, value, 'must be greater than or equal to 0')]
    : [];
}

/** Refuses what is neither a number from 0 nor a percentage; `most100` also refuses more than 100%. */
export function intOrPercentCauses(
  field: string,
  value: number | string | undefined,
  most100 = false,
): readonly Cause[] {
  if (value === undefined) return [];
  if (typeof value === 'number') return nonNegative(field, value);
  if (!PERCENT.test(value)) {
    const words =
      "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
    return [invalid(field, value, words)];
  }
  return most100 && Number.parseInt(value, 10) > 100
    ? [invalid(field, value, 'must not be greater than 100%')]
    : [];
}

/** The number before a percent sign, or the number itself. */
export function intOrPercentNumber(value: number | string | undefined): number {
  return typeof value === 'number' ? value : Number.parseInt(value ?? '0', 10) || 0;
}

/** A number as it is, a percentage of `total` rounded up or down. */
export function scaledValue(value: number | string | undefined, total: number, up: boolean): number {
  if (typeof value !== 'string') return value ?? 0;
  const share = (intOrPercentNumber(value) * total) / 100;
  return up ? Math.ceil(share) : Math.floor(share);
}

/** Refuses a change of `field`. */
export function immutable(field: string, value: unknown, old: unknown): readonly Cause[] {
  return isDeepStrictEqual(value, old) ? [] : [invalid(field, value ?? null, 'field is immutable')];
}
