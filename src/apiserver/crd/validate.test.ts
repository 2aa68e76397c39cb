import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { CustomResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { SchemaNode } from '#api/schema.ts';
import { namingStatus } from './names.ts';
import { validateDefinition } from './validate.ts';

type Json = Readonly<Record<string, unknown>>;

const at = 'spec.versions[0].schema.openAPIV3Schema';

/** A good definition with a schema of `spec`, and whatever else is said. */
function definition(spec: Json, more: Json = {}, version: Json = {}): CustomResourceDefinition {
  const openAPIV3Schema = { type: 'object', properties: { spec } };
  const made = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema }, ...version }],
      ...more,
    },
  } as unknown as CustomResourceDefinition;
  return { ...made, status: namingStatus(made, [], 0) };
}

const lines = (made: CustomResourceDefinition, old?: CustomResourceDefinition): string[] =>
  validateDefinition(made, old).map(({ field, message }) => `${field.replace(at, 'S')}: ${message}`);

const text = { type: 'string' };
const withSpec = (properties: Json, more: Json = {}): Json => ({ type: 'object', properties, ...more });
const rules = (...given: readonly Json[]): Json => ({ 'x-kubernetes-validations': given });

describe('definitions that a real server takes', () => {
  const folder = path.resolve(import.meta.dirname, '../../../deploy/crds');
  test.each(readdirSync(folder))('%s', (file) => {
    const made = parse(readFileSync(path.join(folder, file), 'utf8')) as CustomResourceDefinition;
    const { names } = made.spec;
    const spec = { ...made.spec, names: { ...names, listKind: `${names.kind}List` } };
    const whole = { ...made, spec };
    expect(lines({ ...whole, status: namingStatus(whole, [], 0) })).toEqual([]);
  });

  test.each<[string, Json]>([
    [
      'every keyword',
      withSpec({
        number: { type: 'number', minimum: 0, exclusiveMinimum: true, multipleOf: 0.5 },
        port: {
          'x-kubernetes-int-or-string': true,
          anyOf: [{ type: 'integer' }, { type: 'string' }],
          pattern: '^a',
        },
        one: { ...text, oneOf: [{ enum: ['a'] }, { pattern: '^b' }] },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        any: { 'x-kubernetes-preserve-unknown-fields': true },
        labels: { type: 'object', additionalProperties: text, minProperties: 1 },
        tags: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
        template: {
          type: 'object',
          'x-kubernetes-embedded-resource': true,
          'x-kubernetes-preserve-unknown-fields': true,
        },
        parts: {
          type: 'array',
          items: withSpec({ name: text, n: { type: 'integer', default: 1 } }, { required: ['name'] }),
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
      }),
    ],
    [
      'rules of every sort',
      withSpec(
        {
          a: { type: 'integer' },
          d: { type: 'number' },
          s: text,
          when: { ...text, format: 'date-time' },
          list: { type: 'array', items: withSpec({ name: { ...text, maxLength: 63 } }), maxItems: 1000 },
          labels: { type: 'object', additionalProperties: text },
          port: { 'x-kubernetes-int-or-string': true },
        },
        rules(
          { rule: 'self.a > 1 && (!has(self.s) || self.s.size() < 10)' },
          { rule: 'self.a == oldSelf.a', message: 'fixed' },
          {
            rule: 'self.list.all(x, x.name != "" && x.name.matches("^a"))',
            messageExpression: '"bad: " + self.s',
          },
          { rule: 'self.labels.all(k, k.startsWith("a") || self.labels[k] == "b")' },
          { rule: 'self.a < self.d || self.a + 1 == 2' },
          { rule: 'type(self.port) == int ? self.port > 0 : self.port == "x"' },
          { rule: 'self.?s.orValue("x") == "x" && self.when < timestamp("2030-01-01T00:00:00Z")' },
          {
            rule: 'self.list.map(x, x.name).filter(n, n != "a").size() > 0 && self.list.exists_one(x, x.name == "y")',
          },
          { rule: 'isIP(self.s) && ip(self.s).family() == 4 && quantity("1").isLessThan(quantity("2"))' },
          { rule: 'oldSelf.hasValue() || self.a == 1', optionalOldSelf: true },
          { rule: 'cel.bind(n, self.a, n > 0) && [1, 2].sum() == 3 && self.s in ["a", "b"]' },
        ),
      ),
    ],
  ])('%s', (_, spec) => {
    expect(lines(definition(spec))).toEqual([]);
  });
});

describe('names and versions', () => {
  const names = { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' };
  test.each<[Json, string]>([
    [
      { group: 'other.com' },
      'metadata.name: Invalid value: "things.example.com": must be spec.names.plural+"."+spec.group',
    ],
    [{ scope: 'Some' }, 'spec.scope: Unsupported value: "Some": supported values: "Cluster", "Namespaced"'],
    [
      { names: { ...names, listKind: 'Thing' } },
      'spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same',
    ],
    [{ names: { ...names, kind: '' } }, 'spec.names.kind: Required value'],
    [
      { conversion: { strategy: 'Webhook' } },
      'spec.conversion.strategy: Unsupported value: "Webhook": supported values: "None"',
    ],
    [
      { preserveUnknownFields: true },
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    ],
  ])('%o', (more, line) => {
    expect(lines(definition(withSpec({}), more))).toContain(line);
  });

  test('exactly one storage version', () => {
    const made = definition(withSpec({}), {}, { storage: false });
    expect(lines(made).join()).toContain('must have exactly one version marked as storage version');
  });

  test('groups of Kubernetes want an approval', () => {
    const made = definition(withSpec({}), { group: 'a.k8s.io' });
    const named = { ...made, metadata: { name: 'things.a.k8s.io' } };
    expect(lines(named)).toEqual([
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ]);
    const annotations = { 'api-approved.kubernetes.io': 'unapproved, a test' };
    expect(lines({ ...named, metadata: { ...named.metadata, annotations } })).toEqual([]);
  });

  test('what is stored binds', () => {
    const old = definition(withSpec({}));
    const renamed = definition(withSpec({}), { names: { ...names, kind: 'Other', listKind: 'OtherList' } });
    expect(lines({ ...renamed, status: old.status }, old)).toEqual([
      'spec.names.kind: Invalid value: "Other": field is immutable',
    ]);
    const moved = definition(withSpec({}), {}, { name: 'v2' });
    expect(lines({ ...moved, status: { ...moved.status, storedVersions: ['v1', 'v2'] } }, old)).toEqual([
      'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
    ]);
  });

  test.each<[Json, string]>([
    [
      { additionalPrinterColumns: [{ name: 'A', type: 'text', jsonPath: 'spec' }] },
      'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
    ],
    [
      { subresources: { scale: { specReplicasPath: '.status.a', statusReplicasPath: '.status.a' } } },
      'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.a": should be a json path under .spec',
    ],
    [
      { selectableFields: [{ jsonPath: '.spec' }] },
      'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
    ],
    [
      { deprecationWarning: 'x' },
      'spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions',
    ],
    [{ schema: {} }, 'S: Required value'],
  ])('%o', (version, line) => {
    expect(lines(definition(withSpec({}), {}, version))).toContain(line);
  });
});

describe('schemas', () => {
  const spec = 'S.properties[spec]';
  test.each<[Json, string]>([
    [
      withSpec({ a: {} }),
      `${spec}.properties[a].type: Required value: must not be empty for specified object fields`,
    ],
    [withSpec({ a: { type: 'array' } }), `${spec}.properties[a].items: Required value: must be specified`],
    [
      withSpec({ a: { type: 'text' } }),
      `${spec}.properties[a].type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
    [
      withSpec({ a: { ...text, pattern: '(?=a)' } }),
      `${spec}.properties[a].pattern: Invalid value: "(?=a)": must be a valid regular expression, but isn't: `,
    ],
    [
      withSpec({ a: { ...text, anyOf: [{ type: 'string' }] } }),
      `${spec}.properties[a].anyOf[0].type: Forbidden: must be empty to be structural`,
    ],
    [
      withSpec({ a: text }, { additionalProperties: text }),
      `${spec}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
    ],
    [
      withSpec({ a: { type: 'array', items: text, uniqueItems: true } }),
      `${spec}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
    [
      withSpec({ a: { ...text, $ref: '#/x' } }),
      `${spec}.properties[a].$ref: Forbidden: $ref is not supported`,
    ],
    [
      withSpec({ a: { type: 'integer', default: 'x' } }),
      `${spec}.properties[a].default: Invalid value: "string": ${spec}.properties[a].default in body must be of type integer: "string"`,
    ],
    [
      withSpec({ a: withSpec({ b: text }, { default: { c: 1 } }) }),
      `${spec}.properties[a].default: Invalid value: {"c":1}: must not have unknown fields`,
    ],
    [
      withSpec({
        l: {
          type: 'array',
          items: withSpec({ name: text }),
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
        },
      }),
      `${spec}.properties[l].items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
    [
      withSpec({ l: { type: 'array', items: text, 'x-kubernetes-list-map-keys': ['name'] } }),
      `${spec}.properties[l].x-kubernetes-list-type: Required value: must be map if x-kubernetes-list-map-keys is non-empty`,
    ],
    [
      withSpec({ l: { type: 'array', items: withSpec({}), 'x-kubernetes-list-type': 'set' } }),
      `${spec}.properties[l].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
    [
      withSpec({}, rules({ rule: '' })),
      `${spec}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
    ],
    [
      withSpec({}, rules({ rule: 'true\n', reason: 'No' })),
      `${spec}.x-kubernetes-validations[0].reason: Unsupported value: "No": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
    ],
    [
      withSpec({}, rules({ rule: 'true', fieldPath: '.x' })),
      `${spec}.x-kubernetes-validations[0].fieldPath: Invalid value: ".x": must be a valid path`,
    ],
  ])('%#', (schema, line) => {
    const found = lines(definition(schema)).map((each) => each.replaceAll(at, 'S'));
    expect(found.some((each) => each.startsWith(line)) ? line : found.join('\n')).toBe(line);
  });
});

test('what logic at the root judges stands in the structure', () => {
  const openAPIV3Schema = {
    ...withSpec({ spec: withSpec({ a: text }) }),
    anyOf: [{ properties: { spec: { properties: { b: { enum: ['x'] } } } } }],
  };
  expect(
    lines(definition({}, {}, { schema: { openAPIV3Schema } })).map((line) => line.replaceAll(at, 'S')),
  ).toEqual([
    'S.properties[spec].properties[b]: Required value: because it is defined in S.anyOf[0].properties[spec].properties[b]',
  ]);
});

describe('CEL rules', () => {
  const spec: SchemaNode = {
    type: 'object',
    properties: {
      a: { type: 'integer' },
      s: { type: 'string' },
      l: { type: 'array', items: { type: 'integer' } },
    },
  };
  const faultOf = (rule: Json): string => {
    const [found = ''] = lines(definition({ ...spec, ...rules(rule) }));
    return found.replace(/^.*?"OptionalOldSelf":(null|true)\}: /, '');
  };
  test.each<[Json, string]>([
    [
      { rule: 'self.foo > 1' },
      "compilation failed: ERROR: <input>:1:5: undefined field 'foo'\n | self.foo > 1\n | ....^",
    ],
    [
      { rule: 'nonsense' },
      "compilation failed: ERROR: <input>:1:1: undeclared reference to 'nonsense' (in container '')\n | nonsense\n | ^",
    ],
    [
      { rule: 'self.a > "x"' },
      "compilation failed: ERROR: <input>:1:8: found no matching overload for '_>_' applied to '(int, string)'\n | self.a > \"x\"\n | .......^",
    ],
    [
      { rule: 'has(self.zz)' },
      "compilation failed: ERROR: <input>:1:9: undefined field 'zz'\n | has(self.zz)\n | ........^",
    ],
    [
      { rule: 'fooo(1)' },
      "compilation failed: ERROR: <input>:1:5: undeclared reference to 'fooo' (in container '')\n | fooo(1)\n | ....^",
    ],
    [{ rule: 'self.a' }, 'cel expression must evaluate to a bool'],
    [{ rule: 'true', messageExpression: 'self.a' }, 'messageExpression must evaluate to a string'],
    [
      { rule: 'true', messageExpression: 'self.b' },
      "messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b\n | ....^",
    ],
  ])('%o', (rule, fault) => {
    expect(faultOf(rule)).toBe(fault);
  });

  test('the cause shows the rule as Go does', () => {
    expect(lines(definition({ ...spec, ...rules({ rule: 'self.foo' }) }))[0]).toMatch(
      'S.properties[spec].x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.foo","Message":"","MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: compilation failed',
    );
  });

  test('a transition rule needs a value that can be found again', () => {
    const items = { type: 'integer', ...rules({ rule: 'self == oldSelf' }) };
    const made = definition({ type: 'object', properties: { l: { type: 'array', items } } });
    const path = 'S.properties[spec].properties[l]';
    expect(lines(made).map((line) => line.replaceAll(at, 'S'))).toEqual([
      `${path}.items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${path}`,
    ]);
  });
});
