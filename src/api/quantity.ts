/**
 * Resource quantities: `500m`, `1Gi`, `1k`, `1e3`.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */

import { invalid } from './cause.ts';
import type { Cause } from './meta.ts';

const PATTERN = /^([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]))?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** The value in its base unit (bytes, cores, pieces), or nothing when the text is no quantity. */
export function quantityValue(quantity: string | number | undefined): number | undefined {
  if (typeof quantity === 'number' || quantity === undefined) return quantity;
  const match = PATTERN.exec(quantity);
  if (match === null) return undefined;
  const [, digits = '0', exponent = '', suffix = ''] = match;
  const factor = suffix.endsWith('i')
    ? 1024 ** BINARY.indexOf(suffix)
    : 1000 ** (DECIMAL.indexOf(suffix) - 3);
  return Number(`${digits}${exponent}`) * factor;
}

/** Refuses what is no quantity, or below zero. */
export function quantityCauses(field: string, quantity: string | number | undefined): readonly Cause[] {
  if (quantity === undefined) return [];
  const value = quantityValue(quantity);
  if (value === undefined) {
    return [
      invalid(field, quantity, 'must be a number with an optional suffix, such as 500m, 2, 512Mi or 1Gi'),
    ];
  }
  return value < 0 ? [invalid(field, quantity, 'must be greater than or equal to 0')] : [];
}
