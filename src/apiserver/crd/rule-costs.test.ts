import { describe, expect, test } from 'vitest';
import type { CustomResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import { namingStatus } from './names.ts';
import { validateDefinition } from './validate.ts';

type Json = Readonly<Record<string, unknown>>;

const root = 'spec.versions[0].schema.openAPIV3Schema';
const hint =
  '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
const part =
  'Forbidden: contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema';
const total =
  'Forbidden: x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of';

function definition(properties: Json, more: Json = {}): CustomResourceDefinition {
  const openAPIV3Schema = { type: 'object', properties, ...more };
  const made = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } }],
    },
  } as unknown as CustomResourceDefinition;
  return { ...made, status: namingStatus(made, [], 0) };
}

const lines = (made: CustomResourceDefinition, old?: CustomResourceDefinition): string[] =>
  validateDefinition(made, old).map(({ field, message }) => `${field.replace(root, 'S')}: ${message}`);

const rules = (...given: readonly string[]): Json => ({
  'x-kubernetes-validations': given.map((rule) => ({ rule })),
});
const text = (maxLength?: number, more: Json = {}): Json => ({
  type: 'string',
  ...(maxLength === undefined ? {} : { maxLength }),
  ...more,
});
const list = (items: Json, maxItems?: number, more: Json = {}): Json => ({
  type: 'array',
  items,
  ...(maxItems === undefined ? {} : { maxItems }),
  ...more,
});
const map = (additionalProperties: Json, maxProperties?: number, more: Json = {}): Json => ({
  type: 'object',
  additionalProperties,
  ...(maxProperties === undefined ? {} : { maxProperties }),
  ...more,
});
const keyed = (key: Json): Json => ({ type: 'object', required: ['key'], properties: { key } });
const nested = rules('self.all(x, x.all(y, x[y].key == x[y].key))');
const contains = rules("self.contains('keyword')");

describe('what a real server takes', () => {
  test.each<[string, Json, Json?]>([
    ['two loops with bounds', { value: list(map(keyed(text(10)), 10), 10, nested) }],
    ['two loops, the outer one bounded', { value: list(map(keyed({ type: 'number' })), 4, nested) }],
    ['one value', { value: { type: 'integer', ...rules('self < 1024') } }],
    [
      'strings changed in two loops',
      {
        f: list(text(5), 5, rules('self.all(x, self.exists_one(y, x.lowerAscii() == y.lowerAscii()))')),
      },
    ],
    [
      'names of objects',
      {},
      rules(
        'self.metadata.name.contains(self.metadata.name) && self.metadata.generateName.contains(self.metadata.generateName)',
      ),
    ],
    ['a pattern on a string without a bound', { s: text(undefined, rules("self.matches('^[a-z]+$')")) }],
    ['a cheap rule in a list without a bound', { l: list({ type: 'integer', ...rules('self > 0') }) }],
    ['an enum bounds a string', { l: list(text(undefined, { enum: ['a', 'b'], ...contains })) }],
  ])('%s', (_, properties, more = {}) => {
    expect(lines(definition(properties, more))).toEqual([]);
  });
});

describe('what a real server refuses', () => {
  const valueRule = 'S.properties[value].x-kubernetes-validations[0].rule';

  test.each<[string, Json]>([
    ['two loops without bounds', { value: list(map(keyed(text())), undefined, nested) }],
    ['two loops, the strings bounded', { value: list(map(keyed(text(10))), undefined, nested) }],
  ])('%s', (_, properties) => {
    expect(lines(definition(properties))).toEqual([
      `${valueRule}: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${hint}`,
      `${valueRule}: ${part}`,
      `S: ${total} more than 100x ${hint}`,
    ]);
  });

  test('all rules together, and those that matter are named', () => {
    const properties = {
      list: list(text(5000, contains), 100_000),
      map: map(text(5000, contains), 1000),
      field: { type: 'integer', ...rules('self > 50 && self < 100') },
    };
    const [item, value] = [
      'S.properties[list].items.x-kubernetes-validations[0].rule',
      'S.properties[map].additionalProperties.x-kubernetes-validations[0].rule',
    ];
    // 2000 characters' worth and one access, a hundred thousand times.
    expect(lines(definition(properties))).toEqual([
      `${item}: Forbidden: estimated rule cost exceeds budget by factor of 20.0x ${hint}`,
      `${item}: ${part}`,
      `${value}: ${part}`,
      `S: ${total} 2.0x ${hint}`,
    ]);
  });

  test('a little too much is told with more digits', () => {
    const item = text(undefined, { enum: ['a'.repeat(100)], ...contains });
    expect(lines(definition({ l: list(item, 1_000_000) }))).toEqual([
      `S.properties[l].items.x-kubernetes-validations[0].rule: Forbidden: estimated rule cost exceeds budget by factor of 1.100000x ${hint}`,
    ]);
  });

  test('what a message costs, which runs once', () => {
    const properties = (messageExpression: string) => ({
      f: { ...list(text()), 'x-kubernetes-validations': [{ rule: 'true', messageExpression }] },
    });
    const at = 'S.properties[f].x-kubernetes-validations[0].messageExpression';
    const sum = Array.from({ length: 8 }, (_, index) => `self[${index}]`).join(' + ');
    expect(lines(definition(properties(sum)))).toEqual([
      `${at}: Forbidden: estimated messageExpression cost exceeds budget by factor of 1.101006x ${hint}`,
    ]);
    expect(lines(definition(properties('string(self[0]) + string(self[1]) + string(self[2])')))).toEqual([
      `${at}: Forbidden: estimated messageExpression cost exceeds budget by factor of more than 100x ${hint}`,
      `${at}: ${part}`,
      `S: ${total} more than 100x ${hint}`,
    ]);
  });
});

test('a stored schema is held to the total only', () => {
  const cheap = list(text(5000, contains), 10_000);
  const dear = definition({ list: cheap });
  expect(lines(dear)).toHaveLength(1);
  const changed = { ...dear, spec: { ...dear.spec, scope: 'Cluster' } } as CustomResourceDefinition;
  expect(lines(changed, { ...dear, status: {} })).toEqual([]);
  expect(lines(definition({ list: cheap, more: text() }), dear)).toHaveLength(1);
});
