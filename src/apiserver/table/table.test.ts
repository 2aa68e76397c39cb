import { describe, expect, test } from 'vitest';
import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import { evaluateJsonPath } from './jsonpath.ts';
import { toTable } from './table.ts';

describe('evaluateJsonPath', () => {
  const root = {
    a: { b: 1, 'c.d': 2, 'x/y': 3 },
    list: [
      { type: 'Ready', status: 'True', n: 1 },
      { type: 'Other', status: 'False', n: 2 },
    ],
    n: [1, 2, 3, 4],
  };
  test.each<[string, unknown[]]>([
    ['.a.b', [1]],
    ['{.a.b}', [1]],
    ["{.a['c.d']}", [2]],
    ['.a.c\\.d', [2]],
    ['.a.x/y', [3]],
    ['.a.zz', []],
    ['.list[0].type', ['Ready']],
    ['.list[-1].type', ['Other']],
    ['.list[7].type', []],
    ['.list[*].n', [1, 2]],
    ['.a.*', [1, 2, 3]],
    ['.n[1:3]', [2, 3]],
    ['.n[::2]', [1, 3]],
    ['.n[-1:]', [4]],
    ['.list[?(@.type=="Ready")].status', ['True']],
    ["{.list[?(@.type=='Other')].status}", ['False']],
    ['.list[?(@.n > 1)].type', ['Other']],
    ['.list[?(@.n)].n', [1, 2]],
    ['..status', ['True', 'False']],
    ['.constructor', []],
    ['.', [root]],
  ])('%s', (path, expected) => {
    expect(evaluateJsonPath(path, root)).toEqual(expected);
  });

  test.each(['.a[', '.a[?(@.b==c)]', '.a]', '.n[]'])('refuses %s', (path) => {
    expect(() => evaluateJsonPath(path, root)).toThrow('invalid JSONPath');
  });
});

describe('toTable', () => {
  const now = new Date('2026-01-02T03:00:00Z');
  const kind: KindDefinition = {
    group: 'example.com',
    version: 'v1',
    kind: 'Widget',
    plural: 'widgets',
    singular: 'widget',
    namespaced: true,
    builtin: false,
    schema: {},
    columns: [
      { name: 'Size', type: 'string', jsonPath: '.spec.size' },
      { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
      { name: 'Since', type: 'date', jsonPath: '.metadata.creationTimestamp', priority: 1 },
      { name: 'Computed', type: 'string', value: (object) => `${object.metadata.name}!` },
    ],
  };
  const object = {
    metadata: { name: 'a', creationTimestamp: '2026-01-02T00:00:00Z' },
    spec: { size: { x: 1 }, replicas: 'three' },
  } as KubeObject;

  test('fills cells by type', () => {
    expect(toTable(kind, [object], { now, resourceVersion: '7', includeObject: 'Metadata' })).toMatchObject({
      kind: 'Table',
      metadata: { resourceVersion: '7' },
      columnDefinitions: [
        { name: 'Name', format: 'name' },
        { name: 'Size' },
        { name: 'Replicas' },
        { name: 'Since', priority: 1 },
        { name: 'Computed' },
      ],
      rows: [
        {
          cells: ['a', '{"x":1}', null, '3h', 'a!'],
          object: { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata },
        },
      ],
    });
  });

  test('a kind that places its name itself', () => {
    const columns = [
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' } as const,
      { name: 'Name', type: 'string', jsonPath: '.metadata.name' } as const,
    ];
    expect(toTable({ ...kind, columns }, [object], { now })).toMatchObject({
      rows: [{ cells: ['3h', 'a'] }],
    });
  });

  test('a kind without columns shows its age', () => {
    const { rows } = toTable({ ...kind, columns: [] }, [object], { now, includeObject: 'None' });
    expect(rows).toEqual([{ cells: ['a', '3h'], object: null }]);
  });
});
