/**
 * Structural schemas of the API, written once: the same value is the CRD's `openAPIV3Schema`, the source of
 * defaulting, pruning, validation and `kubectl explain`, and (through `TypeOf`) the TypeScript type.
 * Vocabulary: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 */

declare const staticType: unique symbol;

/** A CEL rule, as in a CRD's `x-kubernetes-validations`. */
export interface ValidationRule {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?:
    | 'FieldValueInvalid'
    | 'FieldValueForbidden'
    | 'FieldValueRequired'
    | 'FieldValueDuplicate';
  readonly fieldPath?: string;
  /** `oldSelf` is an optional, and the rule runs on creation too. */
  readonly optionalOldSelf?: boolean;
}

/** One node of a structural schema. */
export interface SchemaNode {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly title?: string;
  readonly description?: string;
  readonly example?: unknown;
  readonly externalDocs?: Readonly<Record<string, string>>;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly exclusiveMinimum?: boolean;
  readonly maximum?: number;
  readonly exclusiveMaximum?: boolean;
  readonly multipleOf?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly uniqueItems?: boolean;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** Value validations beside the structure: they default and prune nothing. */
  readonly allOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly not?: SchemaNode;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-embedded-resource'?: boolean;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-map-type'?: 'atomic' | 'granular';
  readonly 'x-kubernetes-validations'?: readonly ValidationRule[];
  /** Builtin kinds only: merge key of strategic merge patch. */
  readonly 'x-kubernetes-patch-merge-key'?: string;
  /** Builtin kinds only: strategy of strategic merge patch. */
  readonly 'x-kubernetes-patch-strategy'?: 'merge' | 'replace' | 'retainKeys' | 'merge,retainKeys';
}

/** A schema node that remembers the type of the values it describes. */
export interface Schema<T> extends SchemaNode {
  readonly [staticType]?: T;
}

/** The TypeScript type of the values a schema describes. */
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

/** What a builder takes besides what its name says: bounds, defaults, extensions. */
export type Extras = Omit<SchemaNode, 'type' | 'properties' | 'required' | 'items' | 'description'>;

type ObjectType<P, R extends keyof P> = { readonly [K in R]: TypeOf<P[K]> } & {
  readonly [K in Exclude<keyof P, R>]?: TypeOf<P[K]> | undefined;
};

/** Text. `description` is what `kubectl explain` prints. */
export function string(description?: string, extras: Extras = {}): Schema<string> {
  return { type: 'string', ...described(description), ...extras };
}

/** One of the given words. */
export function oneOf<const V extends string>(
  values: readonly V[],
  description?: string,
  extras: Extras = {},
): Schema<V> {
  return { type: 'string', enum: values, ...described(description), ...extras };
}

/** A 32-bit whole number. */
export function int32(description?: string, extras: Extras = {}): Schema<number> {
  return { type: 'integer', format: 'int32', ...described(description), ...extras };
}

/** A 64-bit whole number. */
export function int64(description?: string, extras: Extras = {}): Schema<number> {
  return { type: 'integer', format: 'int64', ...described(description), ...extras };
}

/** True or false. */
export function boolean(description?: string, extras: Extras = {}): Schema<boolean> {
  return { type: 'boolean', ...described(description), ...extras };
}

/** An RFC 3339 time. */
export function time(description?: string): Schema<string> {
  return { type: 'string', format: 'date-time', ...described(description) };
}

/** A whole number or text, such as a port or a percentage. */
export function intOrString(description?: string): Schema<number | string> {
  return { 'x-kubernetes-int-or-string': true, ...described(description) };
}

/** A resource quantity, such as `1Gi` or `500m`. */
export function quantity(description?: string): Schema<number | string> {
  return intOrString(description);
}

/** An object with named fields; those in `required` must be there. */
export function object<
  P extends Readonly<Record<string, SchemaNode>>,
  const R extends keyof P & string = never,
>(
  properties: P,
  required: readonly R[] = [],
  description?: string,
  extras: Extras = {},
): Schema<ObjectType<P, R>> {
  return {
    type: 'object',
    ...described(description),
    properties,
    ...(required.length > 0 ? { required } : {}),
    ...extras,
  };
}

/** A list that is replaced as a whole. */
export function array<S extends SchemaNode>(
  items: S,
  description?: string,
  extras: Extras = {},
): Schema<readonly TypeOf<S>[]> {
  return { type: 'array', items, ...described(description), ...extras };
}

/** A list whose items are told apart by the given keys (`x-kubernetes-list-type: map`); also strategic merge's key. */
export function listMap<S extends SchemaNode>(
  keys: readonly [string, ...string[]],
  items: S,
  description?: string,
  extras: Extras = {},
): Schema<readonly TypeOf<S>[]> {
  return {
    type: 'array',
    items,
    ...described(description),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': keys,
    'x-kubernetes-patch-merge-key': keys[0],
    'x-kubernetes-patch-strategy': 'merge',
    ...extras,
  };
}

const repeating = new WeakSet<SchemaNode>();

/** A list that is merged by its keys but may hold one twice: upstream warns of it at most. */
export function repeatable<S extends SchemaNode>(list: S): S {
  repeating.add(list);
  return list;
}

/** Whether a list is one of {@link repeatable}. */
export function mayRepeat(list: SchemaNode): boolean {
  return repeating.has(list);
}

/** A list of unique scalars (`x-kubernetes-list-type: set`). */
export function setOf<S extends SchemaNode>(items: S, description?: string): Schema<readonly TypeOf<S>[]> {
  return {
    type: 'array',
    items,
    ...described(description),
    'x-kubernetes-list-type': 'set',
    'x-kubernetes-patch-strategy': 'merge',
  };
}

/** An object with free keys and values of one schema. */
export function map<S extends SchemaNode>(
  values: S,
  description?: string,
  extras: Extras = {},
): Schema<Readonly<Record<string, TypeOf<S>>>> {
  return { type: 'object', additionalProperties: values, ...described(description), ...extras };
}

/** An object of any shape, kept as it is. */
export function anyObject(description?: string): Schema<Readonly<Record<string, unknown>>> {
  return { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, ...described(description) };
}

function described(description: string | undefined): { readonly description?: string } {
  return description === undefined ? {} : { description };
}
