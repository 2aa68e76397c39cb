import type { SchemaNode } from '#api/schema.ts';
import { deepEqual } from '../patch/equal.ts';
import { cause, notSupported } from './causes.ts';
import { matchesFormat } from './formats.ts';
import type { PreparedNode } from './prepared.ts';
import type { WalkContext } from './walk.ts';

const INT32_MIN = -(2 ** 31);
const INT32_MAX = 2 ** 31 - 1;

/** The JSON type of a value, in OpenAPI's words. */
function typeName(value: unknown): string {
  if (value === null) {
    return 'null';
  }
  if (Array.isArray(value)) {
    return 'array';
  }
  if (typeof value === 'number') {
    return Number.isInteger(value) ? 'integer' : 'number';
  }
  return typeof value;
}

/** Checks a value's type and adds a cause when it is wrong. `null` is right for nullable nodes. */
export function checkType(
  prepared: PreparedNode,
  value: unknown,
  path: string,
  context: WalkContext,
): boolean {
  const { types } = prepared;
  if (types.length === 0 || (value === null && prepared.node.nullable === true)) {
    return true;
  }
  const name = typeName(value);
  if (types.includes(name) || (name === 'integer' && types.includes('number'))) {
    return true;
  }
  const detail = `${path} in body must be of type ${prepared.typeWords}: "${name}"`;
  context.causes.push(cause('FieldValueTypeInvalid', path, detail, name));
  context.blocked = true;
  return false;
}

/** Checks enum, bounds, pattern and format of a value of the right type. */
export function checkBounds(
  prepared: PreparedNode,
  value: unknown,
  path: string,
  context: WalkContext,
): void {
  const { node } = prepared;
  if (node.enum !== undefined && !node.enum.some((word) => deepEqual(word, value))) {
    // Builtin kinds are checked against Go sets, which list their words sorted.
    const words = context.builtin
      ? node.enum.toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
      : node.enum;
    context.causes.push(notSupported(path, value, words));
    context.blocked = true;
  }
  if (typeof value === 'string') {
    checkString(prepared, value, path, context);
  } else if (typeof value === 'number') {
    checkNumber(node, value, path, context);
  } else if (Array.isArray(value)) {
    checkItemCount(node, value.length, path, context);
  } else if (node.maxProperties !== undefined || node.minProperties !== undefined) {
    checkPropertyCount(node, Object.keys(Object(value)).length, path, context);
  }
}

function checkPropertyCount(node: SchemaNode, count: number, path: string, context: WalkContext): void {
  if (node.maxProperties !== undefined && count > node.maxProperties) {
    tooMany(path, count, node.maxProperties, context);
  }
  if (node.minProperties !== undefined && count < node.minProperties) {
    const detail = `${path} in body should have at least ${node.minProperties} properties`;
    context.causes.push(cause('FieldValueInvalid', path, detail, count));
  }
}

function checkString(
  { node, matches }: PreparedNode,
  value: string,
  path: string,
  context: WalkContext,
): void {
  const { causes } = context;
  if (node.maxLength !== undefined && exceeds(value, node.maxLength)) {
    causes.push(cause('FieldValueTooLong', path, `may not be more than ${node.maxLength} bytes`));
    context.blocked = true;
  }
  if (node.minLength !== undefined && Array.from(value).length < node.minLength) {
    if (context.builtin && value === '') {
      causes.push(cause('FieldValueRequired', path, ''));
    } else {
      const detail = `${path} in body should be at least ${node.minLength} chars long`;
      causes.push(cause('FieldValueInvalid', path, detail, value));
    }
  }
  if (matches !== undefined && !matches(value)) {
    causes.push(cause('FieldValueInvalid', path, `${path} in body should match '${node.pattern}'`, value));
  }
  if (node.format !== undefined && !matchesFormat(node.format, value)) {
    const detail = `${path} in body must be of type ${node.format}: ${JSON.stringify(value)}`;
    causes.push(cause('FieldValueTypeInvalid', path, detail, value));
    context.blocked = true;
  }
}

/** Lengths are counted in characters, not UTF-16 units. */
function exceeds(value: string, most: number): boolean {
  return value.length > most && (value.length > 2 * most || Array.from(value).length > most);
}

function checkNumber(node: SchemaNode, value: number, path: string, context: WalkContext): void {
  const refuse = (detail: string) => context.causes.push(cause('FieldValueInvalid', path, detail, value));
  if (node.format === 'int32' && (value < INT32_MIN || value > INT32_MAX)) {
    refuse(`${path} in body must be of type integer with format int32`);
    return;
  }
  if (node.multipleOf !== undefined && !isMultiple(value, node.multipleOf)) {
    refuse(`${path} in body should be a multiple of ${node.multipleOf}`);
  }
  const wrong = context.builtin ? outsideRange(node, value) : outsideBounds(node, value, path);
  if (wrong !== undefined) {
    refuse(wrong);
  }
}

/** In the words of builtin kinds. */
function outsideRange({ minimum, maximum }: SchemaNode, value: number): string | undefined {
  const low = minimum !== undefined && value < minimum;
  const high = maximum !== undefined && value > maximum;
  if (!low && !high) {
    return undefined;
  }
  if (minimum !== undefined && maximum !== undefined) {
    return `must be between ${minimum} and ${maximum}, inclusive`;
  }
  return low ? `must be greater than or equal to ${minimum}` : `must be less than or equal to ${maximum}`;
}

/** In the words of custom resources. */
function outsideBounds(node: SchemaNode, value: number, path: string): string | undefined {
  const { minimum, maximum, exclusiveMinimum = false, exclusiveMaximum = false } = node;
  if (minimum !== undefined && (value < minimum || (exclusiveMinimum && value === minimum))) {
    return `${path} in body should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`;
  }
  if (maximum !== undefined && (value > maximum || (exclusiveMaximum && value === maximum))) {
    return `${path} in body should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`;
  }
  return undefined;
}

/** 0.3 is a multiple of 0.1: binary fractions are compared with a tolerance. */
function isMultiple(value: number, of: number): boolean {
  const quotient = value / of;
  return Math.abs(quotient - Math.round(quotient)) <= Math.abs(quotient) * Number.EPSILON * 4;
}

function checkItemCount(node: SchemaNode, count: number, path: string, context: WalkContext): void {
  if (node.maxItems !== undefined && count > node.maxItems) {
    tooMany(path, count, node.maxItems, context);
  }
  if (node.minItems !== undefined && count < node.minItems) {
    if (context.builtin && count === 0) {
      context.causes.push(cause('FieldValueRequired', path, ''));
    } else {
      const detail = `${path} in body should have at least ${node.minItems} items`;
      context.causes.push(cause('FieldValueInvalid', path, detail, count));
    }
  }
}

function tooMany(path: string, count: number, most: number, context: WalkContext): void {
  const detail = `must have at most ${most} ${most === 1 ? 'item' : 'items'}`;
  context.causes.push(cause('FieldValueTooMany', path, detail, count));
  context.blocked = true;
}
