/** Small checks of single keys of a desired state; values filled in from captures pass. */
import { invalid, notSupported } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { interfaceNameProblem } from '../../names.ts';
import { isPart, isTemplate, type Part } from './desired-state.ts';

export function wordCauses(
  part: Part,
  key: string,
  field: string,
  words: readonly string[],
): readonly Cause[] {
  const value = part[key];
  if (value === undefined || isTemplate(value) || (typeof value === 'string' && words.includes(value)))
    return [];
  return [notSupported(`${field}.${key}`, String(value), words)];
}

export function numberCauses(
  part: Part,
  key: string,
  field: string,
  least: number,
  most: number,
): readonly Cause[] {
  const value = part[key];
  if (value === undefined || isTemplate(value)) return [];
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
    ? []
    : [invalid(`${field}.${key}`, value, `must be a whole number from ${least} to ${most}`)];
}

export function flagCauses(part: Part, key: string, field: string): readonly Cause[] {
  const value = part[key];
  return value === undefined || typeof value === 'boolean' || isTemplate(value)
    ? []
    : [invalid(`${field}.${key}`, value, 'must be true or false')];
}

/** The name of an interface on the node; in an object's key or in a list. */
export function interfaceNameCauses(value: unknown, field: string): readonly Cause[] {
  if (isTemplate(value)) return [];
  if (typeof value !== 'string')
    return [invalid(field, value ?? null, 'must be the name of an interface, such as eth1')];
  const problem = interfaceNameProblem(value);
  return problem === undefined ? [] : [invalid(field, value, problem)];
}

/** The value under `key` is an object or a list, when it is there. */
export function shapeCauses(
  part: Part,
  key: string,
  field: string,
  shape: 'object' | 'list',
): readonly Cause[] {
  const value = part[key];
  if (value === undefined || isTemplate(value)) return [];
  if (shape === 'list' ? Array.isArray(value) : isPart(value)) return [];
  return [
    invalid(
      `${field}.${key}`,
      value,
      `must be ${shape === 'list' ? 'a list' : 'an object'}; check the indentation`,
    ),
  ];
}
