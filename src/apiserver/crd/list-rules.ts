/** Rules of `x-kubernetes-list-type`, `-list-map-keys` and `-map-type`, in upstream's words. */
import type { Cause } from '#api/meta.ts';
import { cause, notSupported } from '../schema/causes.ts';
import { itemsOf, type JsonSchema } from './json-schema.ts';

/** What is wrong with a node's topology. */
export function listRules(node: JsonSchema, path: string): readonly Cause[] {
  return [...mapType(node, path), ...listType(node, path), ...mapKeys(node, path), ...keyedItems(node, path)];
}

function wrongType(node: JsonSchema, path: string, why: string): Cause {
  const { type = '' } = node;
  return cause(type === '' ? 'FieldValueRequired' : 'FieldValueInvalid', `${path}.type`, why, type);
}

function mapType(node: JsonSchema, path: string): readonly Cause[] {
  const given: string | undefined = node['x-kubernetes-map-type'];
  if (given === undefined) {
    return [];
  }
  const known = given === 'atomic' || given === 'granular';
  return [
    ...(node.type === 'object'
      ? []
      : [wrongType(node, path, 'must be object if x-kubernetes-map-type is specified')]),
    ...(known ? [] : [notSupported(`${path}.x-kubernetes-map-type`, given, ['atomic', 'granular'])]),
  ];
}

function listType(node: JsonSchema, path: string): readonly Cause[] {
  const given: string | undefined = node['x-kubernetes-list-type'];
  if (given === undefined) {
    return [];
  }
  const causes: Cause[] = [];
  const items = itemsOf(node);
  if (node.type !== 'array') {
    causes.push(wrongType(node, path, 'must be array if x-kubernetes-list-type is specified'));
  } else if (given === 'set' && items !== undefined) {
    const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
    const inner = items['x-kubernetes-list-type'];
    if (items.type === 'array' && inner !== undefined && inner !== 'atomic') {
      causes.push(cause('FieldValueInvalid', `${path}.items.x-kubernetes-list-type`, why, inner));
    }
    if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic') {
      causes.push(cause('FieldValueInvalid', `${path}.items.x-kubernetes-map-type`, why, inner ?? null));
    }
  }
  if (!['atomic', 'set', 'map'].includes(given)) {
    causes.push(notSupported(`${path}.x-kubernetes-list-type`, given, ['atomic', 'set', 'map']));
  }
  if ((given === 'set' || given === 'map') && items?.nullable === true) {
    const why = `cannot be nullable when x-kubernetes-list-type is ${given}`;
    causes.push(cause('FieldValueForbidden', `${path}.items.nullable`, why));
  }
  return causes;
}

function mapKeys(node: JsonSchema, path: string): readonly Cause[] {
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  const type = node['x-kubernetes-list-type'];
  const at = `${path}.x-kubernetes-list-type`;
  if (keys.length > 0 && type !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    return [cause(type === undefined ? 'FieldValueRequired' : 'FieldValueInvalid', at, why, type)];
  }
  if (type !== 'map') {
    return [];
  }
  const why = 'must not be empty if x-kubernetes-list-type is map';
  return [
    ...(keys.length === 0 ? [cause('FieldValueRequired', `${path}.x-kubernetes-list-map-keys`, why)] : []),
    ...(node.items === undefined
      ? [cause('FieldValueRequired', `${path}.items`, 'must have a schema if x-kubernetes-list-type is map')]
      : []),
  ];
}

function keyedItems(node: JsonSchema, path: string): readonly Cause[] {
  const items = itemsOf(node);
  if (node['x-kubernetes-list-type'] !== 'map' || items === undefined) {
    return [];
  }
  if (items.type !== 'object') {
    const why = "must be object if parent array's x-kubernetes-list-type is map";
    return [cause('FieldValueInvalid', `${path}.items.type`, why, items.type ?? '')];
  }
  const keys = node['x-kubernetes-list-map-keys'] ?? [];
  const repeated = keys.filter((key, at) => keys.indexOf(key) !== at);
  return [
    ...repeated.map(() =>
      cause(
        'FieldValueInvalid',
        `${path}.x-kubernetes-list-map-keys`,
        'must not contain duplicate entries',
        keys,
      ),
    ),
    ...keys.flatMap((key) => keyRules(items, key, keys, path)),
  ];
}

function keyRules(items: JsonSchema, key: string, keys: readonly string[], path: string): readonly Cause[] {
  const property = items.properties?.[key];
  if (property === undefined) {
    const why = 'entries must all be names of item properties';
    return [cause('FieldValueInvalid', `${path}.x-kubernetes-list-map-keys`, why, keys)];
  }
  const at = `${path}.items.properties[${key}]`;
  const causes: Cause[] = [];
  if (property.type === 'array' || property.type === 'object') {
    const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
    causes.push(cause('FieldValueInvalid', `${at}.type`, why, items.type));
  }
  if (property.default === undefined && items.required?.includes(key) !== true) {
    const why =
      'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property';
    causes.push(cause('FieldValueRequired', `${at}.default`, why));
  }
  if (property.nullable === true) {
    const why = 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable';
    causes.push(cause('FieldValueForbidden', `${at}.nullable`, why));
  }
  return causes;
}
