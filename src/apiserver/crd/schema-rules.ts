/** Rules of one schema besides being structural (apiextensions `ValidateCustomResourceDefinitionOpenAPISchema`). */
import type { Cause } from '#api/meta.ts';
import { cause, notSupported } from '../schema/causes.ts';
import { branchesOf, itemsOf, type JsonSchema, propertiesOf, valuesOf } from './json-schema.ts';
import { listRules } from './list-rules.ts';
import { type RuleScope, ruleTexts } from './rule-texts.ts';

/** Where in the schema a node stands. */
export interface Place {
  readonly root: boolean;
  /** Inside of `metadata`, `kind` or `apiVersion` of the root or of an embedded object. */
  readonly insideMeta: boolean;
  /** Why defaults are not allowed here, undefined where they are. */
  readonly noDefaults: string | undefined;
  /** What above keeps old and new values from being told to be the same. */
  readonly uncorrelatable: string | undefined;
  /** How many values of the node one object has at most; undefined when no bound is given on the way. */
  readonly cardinality: number | undefined;
  /** True inside of allOf, anyOf, oneOf and not. */
  readonly nested: boolean;
}

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const META = new Set(['metadata', 'kind', 'apiVersion']);
const UNSUPPORTED = ['additionalItems', 'patternProperties', 'definitions', 'dependencies', '$ref'];

/** Everything wrong with a node and below; `scopes` gathers the nodes whose CEL rules are worth compiling. */
export function schemaCauses(
  node: JsonSchema,
  path: string,
  place: Place,
  scopes: RuleScope[],
): readonly Cause[] {
  const causes: Cause[] = [...ownCauses(node, path, place), ...listRules(node, path)];
  const values = valuesOf(node);
  if (
    node.additionalProperties !== undefined &&
    propertiesOf(node).length > 0 &&
    node.additionalProperties !== true
  ) {
    const why = 'additionalProperties and properties are mutual exclusive';
    causes.push(cause('FieldValueForbidden', `${path}.additionalProperties`, why));
  }
  const below = { ...place, root: false, cardinality: cardinalityBelow(node, place) };
  if (values !== undefined) {
    const noDefaults = place.insideMeta
      ? 'inside additionalProperties applying to object metadata'
      : place.noDefaults;
    causes.push(...schemaCauses(values, `${path}.additionalProperties`, { ...below, noDefaults }, scopes));
  }
  for (const [name, child] of propertiesOf(node)) {
    const at = `${path}.properties[${name}]`;
    causes.push(
      ...schemaCauses(child, at, propertyPlace(node, name, path, { ...below, root: place.root }), scopes),
    );
  }
  for (const [branch, child] of branchesOf(node)) {
    causes.push(...schemaCauses(child, `${path}.${branch}`, { ...below, nested: true }, scopes));
  }
  const items = itemsOf(node);
  if (items !== undefined) {
    const keyed = node['x-kubernetes-list-type'] === 'map';
    const uncorrelatable = place.uncorrelatable ?? (keyed ? undefined : path);
    causes.push(...schemaCauses(items, `${path}.items`, { ...below, uncorrelatable }, scopes));
  }
  causes.push(...ruleTexts(node, path));
  if (!place.nested && (node['x-kubernetes-validations'] ?? []).length > 0) {
    const { uncorrelatable, root, cardinality } = place;
    scopes.push({ node, path, uncorrelatable, root, cardinality });
  }
  return causes;
}

function cardinalityBelow(node: JsonSchema, { cardinality }: Place): number | undefined {
  const list = node.type === 'array';
  if (
    cardinality === undefined ||
    !(list || (node.type === 'object' && node.additionalProperties !== undefined))
  ) {
    return cardinality;
  }
  const most = list ? node.maxItems : node.maxProperties;
  return most === undefined ? undefined : cardinality * Math.max(0, most);
}

function propertyPlace(node: JsonSchema, name: string, path: string, place: Place): Place {
  const atomic = node['x-kubernetes-map-type'] === 'atomic';
  const meta = META.has(name) && (place.root || node['x-kubernetes-embedded-resource'] === true);
  return {
    root: false,
    nested: place.nested,
    cardinality: place.cardinality,
    insideMeta: place.insideMeta || meta,
    noDefaults: meta && place.root ? `in top-level ${name}` : place.noDefaults,
    uncorrelatable: place.uncorrelatable ?? (atomic ? path : undefined),
  };
}

function ownCauses(node: JsonSchema, path: string, place: Place): readonly Cause[] {
  const causes: Cause[] = [];
  const { type = '' } = node;
  const forbid = (word: string, why: string) =>
    causes.push(cause('FieldValueForbidden', `${path}.${word}`, why));
  if (type !== '' && !TYPES.includes(type)) {
    causes.push(notSupported(`${path}.type`, type, TYPES));
  }
  if (node.default !== undefined && place.noDefaults !== undefined) {
    forbid('default', `must not be set ${place.noDefaults}`);
  }
  const fields = node as Readonly<Record<string, unknown>>;
  if (fields['id'] !== undefined && fields['id'] !== '') {
    forbid('id', 'id is not supported');
  }
  for (const word of UNSUPPORTED.filter((each) => fields[each] !== undefined)) {
    forbid(word, `${word} is not supported`);
  }
  if (type === 'null') {
    forbid('type', 'type cannot be set to null, use nullable as an alternative');
  }
  if (Array.isArray(node.items)) {
    forbid('items', 'items must be a schema object and not an array');
  }
  if (place.insideMeta && node['x-kubernetes-embedded-resource'] === true) {
    forbid('x-kubernetes-embedded-resource', 'must not be used inside of resource meta');
  }
  if (node.uniqueItems === true) {
    forbid('uniqueItems', 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic');
  }
  if (node.additionalProperties === false) {
    forbid('additionalProperties', 'additionalProperties cannot be set to false');
  }
  if (node['x-kubernetes-preserve-unknown-fields'] === false) {
    const at = `${path}.x-kubernetes-preserve-unknown-fields`;
    causes.push(cause('FieldValueInvalid', at, 'must be true or undefined', false));
  }
  return causes;
}
