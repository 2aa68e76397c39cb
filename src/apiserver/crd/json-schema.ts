/** A schema as a definition holds it: with everything that JSON allows and upstream refuses. */
import type { SchemaNode, ValidationRule } from '#api/schema.ts';

/** One node, before it is known to be structural. */
export type JsonSchema = Omit<SchemaNode, 'items' | 'additionalProperties' | 'type' | 'properties'> & {
  readonly type?: string;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
};

/** The schema of a list's items, when it is one. */
export function itemsOf({ items }: JsonSchema): JsonSchema | undefined {
  return Array.isArray(items) ? undefined : (items as JsonSchema | undefined);
}

/** The schema of a map's values, when there is one. */
export function valuesOf({ additionalProperties }: JsonSchema): JsonSchema | undefined {
  return typeof additionalProperties === 'boolean' ? undefined : additionalProperties;
}

/** The properties, none when there are none. */
export function propertiesOf({ properties }: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  return Object.entries(properties ?? {});
}

/** The branches of `allOf`, `anyOf`, `oneOf` and `not`, each with its place below the node. */
export function branchesOf(node: JsonSchema): readonly (readonly [string, JsonSchema])[] {
  const lists = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((word) =>
    (node[word] ?? []).map((branch, index) => [`${word}[${index}]`, branch as JsonSchema] as const),
  );
  return node.not === undefined ? lists : [...lists, ['not', node.not]];
}
