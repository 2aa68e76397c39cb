import { describe, expect, test } from 'vitest';
import { pod } from '#api/core/pod.ts';
import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { int32, listMap, object, oneOf, type SchemaNode, setOf, string } from '#api/schema.ts';
import { invalidStatus } from './causes.ts';
import { processObject } from './process.ts';

const spec: SchemaNode = {
  type: 'object',
  required: ['size'],
  'x-kubernetes-validations': [
    {
      rule: '!has(self.minReplicas) || self.replicas >= self.minReplicas',
      message: 'replicas must be at least minReplicas',
    },
  ],
  properties: {
    size: { type: 'string', enum: ['small', 'medium', 'large'] },
    replicas: { type: 'integer', minimum: 0, maximum: 10, default: 1 },
    minReplicas: { type: 'integer', minimum: 0 },
    owner: { type: 'string', pattern: '^[a-z]+$', maxLength: 12 },
    fixed: {
      type: 'string',
      'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'fixed is immutable' }],
    },
    port: { 'x-kubernetes-int-or-string': true },
    note: { type: 'string', nullable: true },
    mode: { type: 'string', default: 'auto' },
    tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', maxItems: 4 },
    parts: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, weight: { type: 'integer', default: 5 } },
      },
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    when: { type: 'string', format: 'date-time' },
    inner: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
  },
};

const widget: KindDefinition = {
  group: 'example.com',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  singular: 'widget',
  namespaced: true,
  builtin: false,
  columns: [],
  schema: { type: 'object', required: ['spec'], properties: { spec, status: { type: 'object' } } },
  subresources: {
    status: true,
    scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
  },
};

const gadget: KindDefinition = {
  ...widget,
  group: '',
  kind: 'Gadget',
  builtin: true,
  nameRule: 'dns-label',
  schema: object({
    spec: object({
      type: oneOf(['Z', 'A']),
      port: int32(undefined, { minimum: 1, maximum: 65535 }),
      name: string(undefined, { minLength: 1 }),
      containers: listMap(['name'], object({ name: string() }, ['name'])),
      set: setOf(string()),
    }),
  }),
};

function make(
  fields: Record<string, unknown>,
  metadata: Record<string, unknown> = { name: 'a', namespace: 'conf' },
) {
  return { apiVersion: 'example.com/v1', kind: 'Widget', metadata, spec: fields };
}

function lines(kind: KindDefinition, given: unknown, old?: unknown): string[] {
  const operation = old === undefined ? 'CREATE' : 'UPDATE';
  const { causes } = processObject(kind, given, {
    operation,
    old: old as KubeObject,
    fieldValidation: 'Strict',
  });
  return causes.map((cause) => `${cause.field}: ${cause.message}`).toSorted();
}

const UNCHECKED =
  '<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

describe('processObject', () => {
  test('defaults, and leaves the input as it was', () => {
    const given = Object.freeze(
      make({
        size: 'small',
        parts: [{ name: 'left' }, { name: 'right', weight: 9 }],
        port: 'http',
        note: null,
      }),
    );
    const {
      object: made,
      causes,
      unknownFields,
    } = processObject(widget, given, { operation: 'CREATE', fieldValidation: 'Strict' });
    expect({ made, causes, unknownFields }).toEqual({
      made: make({
        size: 'small',
        parts: [
          { name: 'left', weight: 5 },
          { name: 'right', weight: 9 },
        ],
        port: 'http',
        note: null,
        replicas: 1,
        mode: 'auto',
      }),
      causes: [],
      unknownFields: [],
    });
  });

  test('shares what it does not change', () => {
    const given = make({ size: 'small', replicas: 1, mode: 'auto', free: { any: [1, { b: null }] } });
    const { object: made } = processObject(widget, given, { operation: 'CREATE', fieldValidation: 'Ignore' });
    expect(made).toBe(given);
  });

  test('a null counts as absent where null is not allowed', () => {
    const given = make(
      { size: 'small', mode: null, owner: null, labels: { a: null, b: 'c' } },
      { name: 'a', namespace: 'n', creationTimestamp: null },
    );
    const { object: made, causes } = processObject(widget, given, {
      operation: 'CREATE',
      fieldValidation: 'Strict',
    });
    expect({ made, causes }).toEqual({
      made: make(
        { size: 'small', mode: 'auto', labels: { b: 'c' }, replicas: 1 },
        { name: 'a', namespace: 'n' },
      ),
      causes: [],
    });
  });

  test('prunes and reports unknown fields, sorted', () => {
    const given = JSON.parse(
      '{"metadata":{"name":"a","nonsense":1},"top":1,"spec":{"size":"small","sise":"small","parts":[{"name":"l","wait":3}],"free":{"x":1},"__proto__":{"y":1}}}',
    );
    const { object: made, unknownFields } = processObject(widget, given, {
      operation: 'CREATE',
      fieldValidation: 'Warn',
    });
    expect({ made, unknownFields }).toEqual({
      made: {
        metadata: { name: 'a' },
        spec: { size: 'small', parts: [{ name: 'l', weight: 5 }], free: { x: 1 }, replicas: 1, mode: 'auto' },
      },
      unknownFields: ['metadata.nonsense', 'spec.__proto__', 'spec.parts[0].wait', 'spec.sise', 'top'],
    });
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    [
      'enum, maximum, pattern',
      { size: 'huge', replicas: 99, owner: 'NOT-OK' },
      [
        UNCHECKED,
        'spec.owner: Invalid value: "NOT-OK": spec.owner in body should match \'^[a-z]+$\'',
        'spec.replicas: Invalid value: 99: spec.replicas in body should be less than or equal to 10',
        'spec.size: Unsupported value: "huge": supported values: "small", "medium", "large"',
      ],
    ],
    ['required', { replicas: 1 }, [UNCHECKED, 'spec.size: Required value']],
    [
      'minimum',
      { size: 'small', replicas: -1 },
      [
        'spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
        '.spec.replicas: Invalid value: -1: should be a non-negative integer',
      ],
    ],
    [
      'CEL',
      { size: 'small', replicas: 1, minReplicas: 2 },
      ['spec: Invalid value: replicas must be at least minReplicas'],
    ],
    [
      'duplicates',
      { size: 'small', parts: [{ name: 'l' }, { name: 'l' }], tags: ['x', 'x'] },
      ['spec.parts[1]: Duplicate value: {"name":"l"}', 'spec.tags[1]: Duplicate value: "x"'],
    ],
    [
      'type',
      { size: 'small', replicas: 'three' },
      [
        '.spec.replicas: Invalid value: 0: .spec.replicas accessor error: three is of the type string, expected int64',
        UNCHECKED,
        'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      ],
    ],
    [
      'int or string',
      { size: 'small', port: true },
      [
        UNCHECKED,
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
      ],
    ],
    [
      'fraction',
      { size: 'small', minReplicas: 1.5 },
      [
        UNCHECKED,
        'spec.minReplicas: Invalid value: "number": spec.minReplicas in body must be of type integer: "number"',
      ],
    ],
    [
      'too long',
      { size: 'small', owner: 'abcdefghijklm' },
      [UNCHECKED, 'spec.owner: Too long: may not be more than 12 bytes'],
    ],
    [
      'too many',
      { size: 'small', tags: ['a', 'b', 'c', 'd', 'e'] },
      [UNCHECKED, 'spec.tags: Too many: 5: must have at most 4 items'],
    ],
    [
      'format',
      { size: 'small', when: 'noon' },
      [UNCHECKED, 'spec.when: Invalid value: "noon": spec.when in body must be of type date-time: "noon"'],
    ],
    [
      'map value',
      { size: 'small', labels: { a: 1 } },
      [
        UNCHECKED,
        'spec.labels.a: Invalid value: "integer": spec.labels.a in body must be of type string: "integer"',
      ],
    ],
    [
      'embedded',
      { size: 'small', inner: { kind: 'X', metadata: { name: 'a' }, x: 1 } },
      [UNCHECKED, 'spec.inner.apiVersion: Required value: must not be empty'],
    ],
  ])('refuses as upstream: %s', (_name, fields, expected) => {
    expect(lines(widget, make(fields))).toEqual(expected.toSorted());
  });

  test('words of builtin kinds', () => {
    const given = {
      ...make({ type: 'Sometimes', port: 70000, name: '', containers: [{ name: 'x' }, { name: 'x' }] }),
      metadata: { name: 'Web_Bad', namespace: 'conf' },
    };
    expect(lines(gadget, given)).toEqual([
      "metadata.name: Invalid value: \"Web_Bad\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.containers[1].name: Duplicate value: "x"',
      'spec.name: Required value',
      'spec.port: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.type: Unsupported value: "Sometimes": supported values: "A", "Z"',
    ]);
  });

  test('transition rules run on update only', () => {
    const old = make({ size: 'small', fixed: 'one' });
    expect(lines(widget, make({ size: 'small', fixed: 'two' }))).toEqual([]);
    expect(lines(widget, make({ size: 'small', fixed: 'two' }), old)).toEqual([
      'spec.fixed: Invalid value: "two": fixed is immutable',
    ]);
  });

  test('tolerates mistakes in what has not changed', () => {
    const old = make({ size: 'huge', mode: 'auto', replicas: 1, parts: [{ name: 'a', weight: 'x' }] });
    expect(
      lines(
        widget,
        make({
          size: 'huge',
          mode: 'manual',
          replicas: 1,
          parts: [{ name: 'b' }, { name: 'a', weight: 'x' }],
        }),
        old,
      ),
    ).toEqual([]);
  });

  test('status text', () => {
    const { causes } = processObject(widget, make({ size: 'small', fixed: 'x', minReplicas: 3 }), {
      operation: 'CREATE',
      fieldValidation: 'Strict',
    });
    expect(invalidStatus(widget, 'b', causes)).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message:
        'Widget.example.com "b" is invalid: spec: Invalid value: replicas must be at least minReplicas',
      details: {
        causes: [
          {
            reason: 'FieldValueInvalid',
            field: 'spec',
            message: 'Invalid value: replicas must be at least minReplicas',
          },
        ],
      },
    });
  });
});

describe('metadata', () => {
  const good = { size: 'small' };
  test.each<[string, Record<string, unknown>, string[]]>([
    ['no name', {}, ['metadata.name: Required value: name or generateName is required']],
    ['generated name', { generateName: 'a-' }, []],
    [
      'subdomain',
      { name: 'a..b' },
      [
        "metadata.name: Invalid value: \"a..b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')".replaceAll(
          '\\\\',
          '\\',
        ),
      ],
    ],
    [
      'label key',
      { name: 'a', labels: { 'bad key': 'x' } },
      [
        "metadata.labels: Invalid value: \"bad key\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      ],
    ],
    [
      'annotations',
      { name: 'a', annotations: { big: 'x'.repeat(256 * 1024) } },
      ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    ],
    [
      'label type',
      { name: 'a', labels: { a: 1 } },
      [
        UNCHECKED,
        'metadata.labels.a: Invalid value: "integer": metadata.labels.a in body must be of type string: "integer"',
      ],
    ],
    [
      'owners',
      {
        name: 'a',
        ownerReferences: [1, 2].map((n) => ({
          apiVersion: 'v1',
          kind: 'Pod',
          name: `p${n}`,
          uid: `${n}`,
          controller: true,
        })),
      },
      [
        'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"p1","uid":"1","controller":true},{"apiVersion":"v1","kind":"Pod","name":"p2","uid":"2","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for Pod/p1 and Pod/p2',
      ],
    ],
  ])('%s', (_name, metadata, expected) => {
    expect(lines(widget, make(good, metadata))).toEqual(expected);
  });

  test('no new finalizers while being deleted', () => {
    const old = make(good, { name: 'a', deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a.b/c'] });
    expect(lines(widget, make(good, { name: 'a', finalizers: ['a.b/c', 'd.e/f'] }), old)).toEqual([
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"d.e/f"}',
    ]);
  });
});

test('lists of a pod that are merged by key may hold one twice, as upstream', () => {
  const env = [
    { name: 'A', value: '1' },
    { name: 'A', value: '2' },
  ];
  const ports = [{ containerPort: 80 }, { containerPort: 80 }];
  const containers = [{ name: 'c', image: 'i', env, ports }];
  const object = { metadata: { name: 'a', namespace: 'n' }, spec: { containers } };
  const { causes } = processObject(pod, object, { operation: 'CREATE', fieldValidation: 'Strict' });
  expect(causes).toEqual([]);
});
