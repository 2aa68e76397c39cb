/** Defaults must be what the schema asks for (apiextensions `pkg/apiserver/schema/defaulting/validation.go`). */
import type { Cause } from '#api/meta.ts';
import type { SchemaNode } from '#api/schema.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { validateRules } from '../cel/rules.ts';
import { cause } from '../schema/causes.ts';
import { walk } from '../schema/walk.ts';
import { itemsOf, type JsonSchema, propertiesOf, valuesOf } from './json-schema.ts';
import { schemaNode } from './served.ts';

/** What is wrong with the defaults of a structural schema. */
export function defaultCauses(node: JsonSchema, path: string, inMeta = false): readonly Cause[] {
  const children: (readonly [string, JsonSchema | undefined, boolean])[] = [
    ['items', itemsOf(node), inMeta],
    ['additionalProperties', valuesOf(node), inMeta],
    ...propertiesOf(node).map(
      ([name, child]) => [`properties[${name}]`, child, inMeta || name === 'metadata'] as const,
    ),
  ];
  return [
    ...(node.default === undefined || inMeta ? [] : ownCauses(node, `${path}.default`)),
    ...children.flatMap(([place, child, meta]) =>
      child === undefined ? [] : defaultCauses(child, `${path}.${place}`, meta),
    ),
  ];
}

function ownCauses(given: JsonSchema, path: string): readonly Cause[] {
  const node = schemaNode(given as SchemaNode);
  const unknown: string[] = [];
  const context = { causes: [] as Cause[], unknown, builtin: false, blocked: false };
  const value = walk(node, given.default, path, undefined, context);
  if (unknown.length > 0) {
    return [cause('FieldValueInvalid', path, 'must not have unknown fields', given.default)];
  }
  if (context.causes.length > 0) {
    return context.causes;
  }
  const broken = validatedRules(node, value);
  return broken.map((one) => ({ ...one, field: one.field === '' ? path : `${path}.${one.field}` }));
}

/** Rules that do not compile are told about elsewhere. */
function validatedRules(node: SchemaNode, value: unknown): readonly Cause[] {
  try {
    return validateRules(node, value, undefined);
  } catch (error) {
    if (error instanceof PatchbayError && error.reason === 'InvalidRule') {
      return [];
    }
    throw error;
  }
}
