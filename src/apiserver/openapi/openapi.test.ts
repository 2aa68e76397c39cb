import { describe, expect, test } from 'vitest';
import type { KindDefinition } from '#api/kind.ts';
import { listMap, object, oneOf, string } from '#api/schema.ts';
import { openApiV2Protobuf, wantsProtobuf } from './protobuf.ts';
import { openApiV2 } from './v2.ts';
import { openApiV3Document, openApiV3Index } from './v3.ts';

const widget: KindDefinition = {
  group: 'conformance.example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  namespaced: true,
  builtin: false,
  columns: [],
  schema: object(
    { spec: object({ size: oneOf(['small', 'large'], 'How large it is.') }, ['size']) },
    [],
    'A Widget.',
  ),
  subresources: {
    status: true,
    scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
  },
};
const thing: KindDefinition = {
  ...widget,
  group: '',
  kind: 'Thing',
  plural: 'things',
  namespaced: false,
  builtin: true,
  subresources: {},
  schema: object({ parts: listMap(['name'], object({ name: string(undefined, { nullable: true }) })) }),
};
const kinds = [thing, widget];

/** Every `$ref` must point at something. */
function danglingReferences(document: unknown): string[] {
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]*)"/g);
  return [...references]
    .map(([, path = '']) => path)
    .filter((path) => {
      const [first = '', ...rest] = path.split('/');
      const names =
        first === 'components' ? ['components', 'schemas', rest.slice(1).join('/')] : [first, rest.join('/')];
      return (
        names.reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document) ===
        undefined
      );
    });
}

describe('OpenAPI v3', () => {
  test('index: a document per group version, its hash changing with its kinds', () => {
    const { paths } = openApiV3Index(kinds) as { paths: Record<string, { serverRelativeURL: string }> };
    const changed = openApiV3Index([thing, { ...widget, schema: {} }]) as { paths: typeof paths };
    const other = changed.paths;
    expect(Object.keys(paths)).toEqual(['api/v1', 'apis/conformance.example.com/v1']);
    expect(paths['api/v1']?.serverRelativeURL).toMatch(/^\/openapi\/v3\/api\/v1\?hash=[0-9A-F]{64}$/);
    expect(other['api/v1']).toEqual(paths['api/v1']);
    expect(other['apis/conformance.example.com/v1']).not.toEqual(paths['apis/conformance.example.com/v1']);
  });

  test('document of a custom resource', () => {
    const document = openApiV3Document(kinds, 'conformance.example.com', 'v1');
    expect(document).toMatchObject({
      openapi: '3.0.0',
      components: {
        schemas: {
          'com.example.conformance.v1.Widget': {
            description: 'A Widget.',
            'x-kubernetes-group-version-kind': [
              { group: 'conformance.example.com', kind: 'Widget', version: 'v1' },
            ],
            properties: {
              metadata: {
                allOf: [{ $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' }],
              },
              spec: {
                required: ['size'],
                properties: { size: { type: 'string', enum: ['small', 'large'] } },
              },
            },
          },
          'com.example.conformance.v1.WidgetList': { required: ['items'] },
        },
      },
    });
    const paths = document?.['paths'] as Record<
      string,
      Record<string, { requestBody?: { content: object }; parameters: { name: string }[] }>
    >;
    expect(Object.keys(paths)).toEqual([
      '/apis/conformance.example.com/v1/namespaces/{namespace}/widgets',
      '/apis/conformance.example.com/v1/namespaces/{namespace}/widgets/{name}',
      '/apis/conformance.example.com/v1/namespaces/{namespace}/widgets/{name}/status',
      '/apis/conformance.example.com/v1/namespaces/{namespace}/widgets/{name}/scale',
      '/apis/conformance.example.com/v1/widgets',
    ]);
    const patch = paths['/apis/conformance.example.com/v1/namespaces/{namespace}/widgets/{name}']?.['patch'];
    expect(patch).toMatchObject({
      'x-kubernetes-group-version-kind': { group: 'conformance.example.com', kind: 'Widget', version: 'v1' },
    });
    expect(Object.keys(patch?.requestBody?.content ?? {})).not.toContain(
      'application/strategic-merge-patch+json',
    );
    expect(patch?.parameters.map(({ name }) => name)).toEqual([
      'pretty',
      'dryRun',
      'fieldManager',
      'fieldValidation',
      'force',
    ]);
  });

  test('builtin kinds take strategic merge patches, with the keys in the schema', () => {
    const text = JSON.stringify(openApiV3Document(kinds, '', 'v1'));
    expect(text).toContain('application/strategic-merge-patch+json');
    expect(text).toContain('"x-kubernetes-patch-merge-key":"name","x-kubernetes-patch-strategy":"merge"');
    expect(text).toContain('io.k8s.api.core.v1.Thing');
  });

  test('references lead somewhere, ids are unique, documents are made once', () => {
    for (const [group, version] of [
      ['', 'v1'],
      ['conformance.example.com', 'v1'],
    ] as const) {
      const document = openApiV3Document(kinds, group, version);
      const ids = [...JSON.stringify(document).matchAll(/"operationId":"([^"]*)"/g)].map(([, id]) => id);
      expect([danglingReferences(document), ids.length - new Set(ids).size]).toEqual([[], 0]);
      expect(openApiV3Document(kinds, group, version)).toBe(document);
    }
    expect(openApiV3Document(kinds, 'nowhere', 'v1')).toBeUndefined();
  });
});

test('OpenAPI v2', () => {
  const document = openApiV2(kinds);
  expect(document).toMatchObject({
    swagger: '2.0',
    definitions: {
      'com.example.conformance.v1.Widget': {
        properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
      },
      'io.k8s.api.core.v1.Thing': {
        properties: { parts: { items: { properties: { name: { type: 'string' } } } } },
      },
    },
  });
  expect([danglingReferences(document), JSON.stringify(document).includes('nullable')]).toEqual([[], false]);
  expect(openApiV2([...kinds])).toBe(document);
});

/** Reads a protobuf message into its fields, texts only where they are wanted. */
function fieldsOf(bytes: Buffer): { field: number; body: Buffer }[] {
  const fields: { field: number; body: Buffer }[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        return value;
      }
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const length = varint();
    fields.push({ field: tag >>> 3, body: bytes.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

test('OpenAPI v2 as protobuf', () => {
  const document = fieldsOf(openApiV2Protobuf(kinds));
  const one = (fields: { field: number; body: Buffer }[], field: number) =>
    fields.find((each) => each.field === field)?.body ?? Buffer.alloc(0);
  const definitions = fieldsOf(one(document, 9)).map(({ body }) => fieldsOf(body));
  const widgetSchema = definitions.find(
    (named) => one(named, 1).toString() === 'com.example.conformance.v1.Widget',
  );
  const properties = fieldsOf(one(fieldsOf(one(widgetSchema ?? [], 2)), 25)).map(({ body }) =>
    one(fieldsOf(body), 1).toString(),
  );
  expect([one(document, 1).toString(), definitions.length, properties]).toEqual([
    '2.0',
    10,
    ['apiVersion', 'kind', 'spec', 'metadata'],
  ]);
  expect([
    wantsProtobuf('application/com.github.proto-openapi.spec.v2@v1.0+protobuf'),
    wantsProtobuf('application/json'),
    wantsProtobuf(undefined),
  ]).toEqual([true, false, false]);
});
