import type { KindDefinition } from '#api/kind.ts';
import type { Json } from './components.ts';
import { openApiV2 } from './v2.ts';

/** Content type of {@link openApiV2Protobuf}. Clients ask for it with `@` before `v1.0`, which is no valid media type. */
export const OPENAPI_V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** True when an `Accept` header asks for the protobuf encoding, in either spelling. */
export function wantsProtobuf(accept: string | undefined): boolean {
  return accept?.includes('application/com.github.proto-openapi.spec.v2') === true;
}

/** Field numbers of gnostic's `openapi_v2` messages, as far as kubectl reads them. */
const DOCUMENT = { swagger: 1, info: 2, definitions: 9 } as const;
const INFO = { title: 1, version: 2 } as const;
const SCHEMA = {
  ref: 1,
  format: 2,
  description: 4,
  required: 19,
  additionalProperties: 21,
  type: 22,
  items: 23,
  properties: 25,
  extension: 31,
} as const;
/** `Any` keeps a value as YAML text, of which JSON is a part. */
const ANY_YAML = 2;

const EXTENSIONS = [
  'x-kubernetes-group-version-kind',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
];

/**
 * `GET /openapi/v2` in gnostic's protobuf encoding, the only one kubectl takes. It holds the definitions without the paths:
 * kubectl validates the items of a `List` by them and asks OpenAPI v3 for everything else.
 * https://github.com/google/gnostic/blob/main/openapiv2/OpenAPIv2.proto
 */
export function openApiV2Protobuf(kinds: readonly KindDefinition[]): Buffer {
  const { info, definitions } = openApiV2(kinds) as {
    info: Record<string, string>;
    definitions: Record<string, Json>;
  };
  return Buffer.concat([
    text(DOCUMENT.swagger, '2.0'),
    message(DOCUMENT.info, [
      text(INFO.title, info['title'] ?? ''),
      text(INFO.version, info['version'] ?? ''),
    ]),
    message(DOCUMENT.definitions, namedSchemas(definitions)),
  ]);
}

/** `repeated NamedSchema additional_properties = 1`. */
function namedSchemas(schemas: Readonly<Record<string, Json>>): Buffer[] {
  return Object.entries(schemas).map(([name, schema]) =>
    message(1, [text(1, name), message(2, schemaOf(schema))]),
  );
}

function schemaOf(schema: Json): Buffer[] {
  const { $ref, format, description, required, additionalProperties, type, items, properties } = schema as {
    readonly $ref?: string;
    readonly format?: string;
    readonly description?: string;
    readonly required?: readonly string[];
    readonly additionalProperties?: Json;
    readonly type?: string;
    readonly items?: Json;
    readonly properties?: Readonly<Record<string, Json>>;
  };
  // kubectl refuses the whole document over a list that does not say of what.
  const known = type !== undefined && !(type === 'array' && items === undefined);
  return [
    ...($ref === undefined ? [] : [text(SCHEMA.ref, $ref)]),
    ...(format === undefined ? [] : [text(SCHEMA.format, format)]),
    ...(description === undefined ? [] : [text(SCHEMA.description, description)]),
    ...(required ?? []).map((name) => text(SCHEMA.required, name)),
    ...(additionalProperties === undefined
      ? []
      : [message(SCHEMA.additionalProperties, [message(1, schemaOf(additionalProperties))])]),
    ...(known ? [message(SCHEMA.type, [text(1, type)])] : []),
    ...(items === undefined ? [] : [message(SCHEMA.items, [message(1, schemaOf(items))])]),
    ...(properties === undefined ? [] : [message(SCHEMA.properties, namedSchemas(properties))]),
    ...EXTENSIONS.filter((name) => schema[name] !== undefined).map((name) =>
      message(SCHEMA.extension, [text(1, name), message(2, [text(ANY_YAML, JSON.stringify(schema[name]))])]),
    ),
  ];
}

/** A length-delimited field (wire type 2). */
function message(field: number, parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

function text(field: number, value: string): Buffer {
  return message(field, [Buffer.from(value)]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
