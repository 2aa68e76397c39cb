import type { ScalePaths } from '#api/kind.ts';
import type { Cause } from '#api/meta.ts';
import { cause } from './causes.ts';

/** Checks the fields that a custom resource's scale subresource reads, in upstream's (apiextensions) words. */
export function validateScale(
  scale: ScalePaths,
  object: Readonly<Record<string, unknown>>,
  causes: Cause[],
): void {
  for (const path of [scale.specReplicasPath, scale.statusReplicasPath]) {
    const value = path
      .split('.')
      .slice(1)
      .reduce<unknown>(
        (at, name) =>
          typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined,
        object,
      );
    if (value === undefined || value === null) {
      continue;
    }
    if (typeof value !== 'number' || !Number.isInteger(value)) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      const detail = `${path} accessor error: ${text} is of the type ${goType(value)}, expected int64`;
      causes.push(cause('FieldValueInvalid', path, detail, 0));
    } else if (value < 0) {
      causes.push(cause('FieldValueInvalid', path, 'should be a non-negative integer', value));
    } else if (value > 2 ** 31 - 1) {
      causes.push(cause('FieldValueInvalid', path, 'should be less than or equal to 2147483647', value));
    }
  }
}

function goType(value: unknown): string {
  if (typeof value === 'boolean') {
    return 'bool';
  }
  if (typeof value === 'number') {
    return 'float64';
  }
  if (typeof value === 'object') {
    return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
  }
  return 'string';
}
