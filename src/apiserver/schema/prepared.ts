import type { SchemaNode } from '#api/schema.ts';
import { rootSchemaOf } from './object-meta.ts';
import { patternTest } from './pattern.ts';

/** A schema node made ready for the walk: what does not depend on the value is worked out once. */
export interface PreparedNode {
  readonly node: SchemaNode;
  /** JSON types that are allowed; empty when any is. */
  readonly types: readonly string[];
  /** The types in an error's words. */
  readonly typeWords: string;
  readonly properties: ReadonlyMap<string, SchemaNode> | undefined;
  readonly defaults: readonly (readonly [string, unknown])[];
  readonly required: readonly string[];
  /** True: fields outside `properties` stay. */
  readonly keepsUnknown: boolean;
  readonly matches: ((text: string) => boolean) | undefined;
  /** True when this node has something to check besides its type and children. */
  readonly hasBounds: boolean;
  readonly embedded: boolean;
  /** True: `allOf`, `anyOf`, `oneOf` or `not` are to be checked. */
  readonly hasJunctors: boolean;
}

const prepared = new WeakMap<SchemaNode, PreparedNode>();

/** The prepared form of a node, made when first needed. */
export function prepare(node: SchemaNode): PreparedNode {
  let made = prepared.get(node);
  if (made === undefined) {
    made = build(node);
    prepared.set(node, made);
  }
  return made;
}

function build(given: SchemaNode): PreparedNode {
  const embedded = given['x-kubernetes-embedded-resource'] === true;
  const node = embedded ? rootSchemaOf(given) : given;
  const types = typesOf(node);
  const properties = node.properties === undefined ? undefined : new Map(Object.entries(node.properties));
  return {
    node,
    types,
    typeWords: types.join(','),
    properties,
    defaults: [...(properties ?? [])].flatMap(([name, child]) =>
      child.default === undefined ? [] : [[name, child.default] as const],
    ),
    required: node.required ?? [],
    // A node that says nothing of its fields (builtin kinds do that) keeps them; a CRD must ask for it.
    keepsUnknown:
      node['x-kubernetes-preserve-unknown-fields'] === true ||
      (node.type === undefined && properties === undefined && node.additionalProperties === undefined),
    matches: node.pattern === undefined ? undefined : patternTest(node.pattern),
    hasBounds: hasBounds(node),
    embedded,
    hasJunctors: hasJunctors(node),
  };
}

function typesOf(node: SchemaNode): string[] {
  if (node['x-kubernetes-int-or-string'] === true) {
    return ['integer', 'string'];
  }
  return node.type === undefined ? [] : [node.type];
}

function hasJunctors({ allOf, anyOf, oneOf, not }: SchemaNode): boolean {
  return [allOf, anyOf, oneOf].some((list) => (list?.length ?? 0) > 0) || not !== undefined;
}

const bounds = [
  'enum',
  'format',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'multipleOf',
] as const satisfies readonly (keyof SchemaNode)[];

function hasBounds(node: SchemaNode): boolean {
  return bounds.some((bound) => node[bound] !== undefined);
}
