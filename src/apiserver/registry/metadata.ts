/** `metadata` of a body, made safe to work with; its rules are the schema's business. */
import type { ObjectMeta } from '#api/meta.ts';
import { badRequest } from '../api-errors.ts';
import type { ApiObject } from './objects.ts';

type Shape = 'string' | 'integer' | 'strings' | 'list of strings' | 'list of objects';

const shapes: Readonly<Record<keyof ObjectMeta, Shape>> = {
  name: 'string',
  generateName: 'string',
  namespace: 'string',
  uid: 'string',
  resourceVersion: 'string',
  generation: 'integer',
  creationTimestamp: 'string',
  deletionTimestamp: 'string',
  deletionGracePeriodSeconds: 'integer',
  labels: 'strings',
  annotations: 'strings',
  ownerReferences: 'list of objects',
  finalizers: 'list of strings',
  managedFields: 'list of objects',
};

const goTypes: Readonly<Record<Shape, string>> = {
  string: 'string',
  integer: 'int64',
  strings: 'map[string]string',
  'list of strings': '[]string',
  'list of objects': '[]object',
};

const fits: Readonly<Record<Shape, (value: unknown) => boolean>> = {
  string: isString,
  integer: Number.isSafeInteger,
  strings: (value) =>
    isRecord(value) && Object.values(value).every((each) => isString(each) || each === null),
  'list of strings': (value) => Array.isArray(value) && value.every(isString),
  'list of objects': (value) => Array.isArray(value) && value.every(isRecord),
};

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

/** True for JSON objects. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object from a decoded body: known fields of `metadata` have their types, null counts as absent. Throws 400 else. */
export function readObject(kind: string, value: unknown): ApiObject {
  if (!isRecord(value)) {
    throw badRequest(`${kind}: the request body must be an object`);
  }
  return { ...value, metadata: readMetadata(kind, value['metadata']) };
}

function readMetadata(kind: string, value: unknown): ObjectMeta {
  if (value !== undefined && value !== null && !isRecord(value)) {
    throw badRequest(`${kind}: metadata must be an object`);
  }
  const metadata: Record<string, unknown> = { ...value };
  for (const [field, shape] of Object.entries(shapes)) {
    const given = metadata[field];
    if (given === undefined || given === null || isEmptyOf(shape, given)) {
      delete metadata[field];
    } else if (!fits[shape](given)) {
      const shown = JSON.stringify(given)?.slice(0, 100);
      throw badRequest(
        `${kind} in the request cannot be handled as a ${kind}: json: cannot unmarshal ${shown} into Go struct field ObjectMeta.metadata.${field} of type ${goTypes[shape]}`,
      );
    } else if (shape === 'strings') {
      metadata[field] = withoutNulls(given as Record<string, unknown>);
    }
  }
  return metadata as unknown as ObjectMeta;
}

/** Go leaves out empty labels, annotations and finalizers (`omitempty`). */
function isEmptyOf(shape: Shape, given: unknown): boolean {
  return (
    (shape === 'strings' && isRecord(given) && Object.keys(given).length === 0) ||
    (shape === 'list of strings' && Array.isArray(given) && given.length === 0)
  );
}

/** Go reads null as an empty string. */
function withoutNulls(values: Record<string, unknown>): Record<string, unknown> {
  return Object.values(values).includes(null)
    ? Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value ?? '']))
    : values;
}
