import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { object, type SchemaNode, string } from '#api/schema.ts';
import { deepEqual } from './equal.ts';
import { applyJsonPatch, MAX_JSON_PATCH_OPERATIONS } from './json.ts';
import { applyMergePatch } from './merge.ts';
import { applyStrategicMergePatch } from './strategic.ts';

describe('applyMergePatch, examples of RFC 7386', () => {
  test.each<[unknown, unknown, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j', (doc, patch, expected) => {
    expect(applyMergePatch(doc, patch)).toEqual(expected);
  });

  test('never touches prototypes', () => {
    const patched = applyMergePatch(
      {},
      JSON.parse('{"__proto__":{"polluted":1},"constructor":{"x":1}}'),
    ) as object;
    expect([Object.getPrototypeOf(patched) === Object.prototype, 'polluted' in {}]).toEqual([true, false]);
  });

  test('applying twice changes nothing more', () => {
    const json = fc.object({ maxDepth: 3, values: [fc.integer(), fc.string(), fc.constant(null)] });
    fc.assert(
      fc.property(json, json, (doc, patch) => {
        const once = applyMergePatch(doc, patch);
        expect(deepEqual(applyMergePatch(once, patch), once)).toBe(true);
      }),
    );
  });
});

describe('applyJsonPatch, appendix A of RFC 6902', () => {
  test.each<[string, unknown, unknown[], unknown]>([
    ['add a member', { foo: 'bar' }, [{ op: 'add', path: '/baz', value: 'qux' }], { baz: 'qux', foo: 'bar' }],
    [
      'add an element',
      { foo: ['bar', 'baz'] },
      [{ op: 'add', path: '/foo/1', value: 'qux' }],
      { foo: ['bar', 'qux', 'baz'] },
    ],
    ['remove a member', { baz: 'qux', foo: 'bar' }, [{ op: 'remove', path: '/baz' }], { foo: 'bar' }],
    [
      'remove an element',
      { foo: ['bar', 'qux', 'baz'] },
      [{ op: 'remove', path: '/foo/1' }],
      { foo: ['bar', 'baz'] },
    ],
    [
      'replace',
      { baz: 'qux', foo: 'bar' },
      [{ op: 'replace', path: '/baz', value: 'boo' }],
      { baz: 'boo', foo: 'bar' },
    ],
    [
      'move a value',
      { foo: { bar: 'baz', waldo: 'fred' }, qux: { corge: 'grault' } },
      [{ op: 'move', from: '/foo/waldo', path: '/qux/thud' }],
      { foo: { bar: 'baz' }, qux: { corge: 'grault', thud: 'fred' } },
    ],
    [
      'move an element',
      { foo: ['all', 'grass', 'cows', 'eat'] },
      [{ op: 'move', from: '/foo/1', path: '/foo/3' }],
      { foo: ['all', 'cows', 'eat', 'grass'] },
    ],
    [
      'test',
      { baz: 'qux', foo: ['a', 2, 'c'] },
      [
        { op: 'test', path: '/baz', value: 'qux' },
        { op: 'test', path: '/foo/1', value: 2 },
      ],
      { baz: 'qux', foo: ['a', 2, 'c'] },
    ],
    [
      'add a nested member',
      { foo: 'bar' },
      [{ op: 'add', path: '/child', value: { grandchild: {} } }],
      { foo: 'bar', child: { grandchild: {} } },
    ],
    [
      'ignore unknown parts',
      { foo: 'bar' },
      [{ op: 'add', path: '/baz', value: 'qux', xyz: 123 }],
      { foo: 'bar', baz: 'qux' },
    ],
    ['escapes', { '/': 9, '~1': 10 }, [{ op: 'test', path: '/~01', value: 10 }], { '/': 9, '~1': 10 }],
    [
      'append',
      { foo: ['bar'] },
      [{ op: 'add', path: '/foo/-', value: ['abc', 'def'] }],
      { foo: ['bar', ['abc', 'def']] },
    ],
    [
      'copy',
      { a: { b: 1 } },
      [
        { op: 'copy', from: '/a', path: '/c' },
        { op: 'replace', path: '/c/b', value: 2 },
      ],
      { a: { b: 1 }, c: { b: 2 } },
    ],
    ['whole document', { a: 1 }, [{ op: 'replace', path: '', value: [1] }], [1]],
  ])('%s', (_name, doc, ops, expected) => {
    const before = structuredClone(doc);
    expect(applyJsonPatch(doc, ops)).toEqual(expected);
    expect(doc).toEqual(before);
  });

  test.each<[string, unknown, string]>([
    ['failing test', [{ op: 'test', path: '/a', value: 2 }], 'Invalid'],
    ['number for text', [{ op: 'test', path: '/a', value: '1' }], 'Invalid'],
    ['missing target', [{ op: 'remove', path: '/zz' }], 'Invalid'],
    ['replace of nothing', [{ op: 'replace', path: '/zz', value: 1 }], 'Invalid'],
    ['missing parent', [{ op: 'add', path: '/x/y', value: 1 }], 'Invalid'],
    ['index out of bounds', [{ op: 'add', path: '/list/9', value: 1 }], 'Invalid'],
    ['leading zero', [{ op: 'add', path: '/list/01', value: 1 }], 'Invalid'],
    ['into itself', [{ op: 'move', from: '/o', path: '/o/x' }], 'Invalid'],
    ['prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }], 'Invalid'],
    ['inherited', [{ op: 'test', path: '/constructor/name', value: 'Object' }], 'Invalid'],
    ['no list', { op: 'add' }, 'BadRequest'],
    ['unknown op', [{ op: 'frob', path: '/a' }], 'BadRequest'],
    ['no value', [{ op: 'add', path: '/a' }], 'BadRequest'],
    [
      'too many',
      Array.from({ length: MAX_JSON_PATCH_OPERATIONS + 1 }, () => ({ op: 'test', path: '/a', value: 1 })),
      'RequestEntityTooLarge',
    ],
    ['explosion', Array.from({ length: 40 }, () => ({ op: 'copy', from: '', path: '/list/-' })), 'Invalid'],
  ])('refuses: %s', (_name, ops, reason) => {
    expect(() => applyJsonPatch({ a: 1, list: [1], o: {} }, ops)).toThrow(
      expect.objectContaining({ reason }),
    );
  });
});

const container = object({ name: string(), image: string() });
const pod: SchemaNode = object({
  spec: object({
    containers: {
      type: 'array',
      items: {
        ...container,
        properties: {
          ...container.properties,
          env: {
            type: 'array',
            items: object({ name: string(), value: string() }),
            'x-kubernetes-patch-merge-key': 'name',
            'x-kubernetes-patch-strategy': 'merge',
          },
          args: { type: 'array', items: string() },
        },
      },
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    },
    tolerations: { type: 'array', items: object({ key: string() }) },
    strategy: {
      type: 'object',
      'x-kubernetes-patch-strategy': 'retainKeys',
      properties: { type: string(), rollingUpdate: { type: 'object' } },
    },
    whole: { type: 'object', 'x-kubernetes-patch-strategy': 'replace', additionalProperties: string() },
  }),
});

describe('applyStrategicMergePatch', () => {
  const nginx = { name: 'nginx', image: 'nginx', env: [{ name: 'A', value: '1' }], args: ['a'] };
  const base = {
    metadata: { name: 'p', finalizers: ['a', 'b'] },
    spec: { containers: [nginx], tolerations: [{ key: 'x' }] },
  };

  test.each<[string, unknown, unknown]>([
    [
      'a new item comes first',
      { spec: { containers: [{ name: 'redis', image: 'redis' }] } },
      { ...base, spec: { ...base.spec, containers: [{ name: 'redis', image: 'redis' }, nginx] } },
    ],
    [
      'items merge by key, nested too; other lists are replaced',
      {
        spec: {
          containers: [{ name: 'nginx', image: 'nginx:2', env: [{ name: 'B', value: '2' }], args: ['b'] }],
          tolerations: [{ key: 'y' }],
        },
      },
      {
        ...base,
        spec: {
          containers: [
            {
              name: 'nginx',
              image: 'nginx:2',
              env: [
                { name: 'B', value: '2' },
                { name: 'A', value: '1' },
              ],
              args: ['b'],
            },
          ],
          tolerations: [{ key: 'y' }],
        },
      },
    ],
    [
      '$patch: delete in a list',
      { spec: { containers: [{ name: 'nginx', $patch: 'delete' }, { name: 'redis' }] } },
      { ...base, spec: { ...base.spec, containers: [{ name: 'redis' }] } },
    ],
    [
      '$patch: replace in a list',
      { spec: { containers: [{ name: 'redis' }, { $patch: 'replace' }] } },
      { ...base, spec: { ...base.spec, containers: [{ name: 'redis' }] } },
    ],
    [
      '$patch: replace of a map',
      { spec: { $patch: 'replace', tolerations: [] } },
      { ...base, spec: { tolerations: [] } },
    ],
    ['$patch: delete of a map', { spec: { $patch: 'delete' } }, { ...base, spec: {} }],
    [
      'null deletes',
      { spec: { tolerations: null, absent: null } },
      { ...base, spec: { containers: [nginx] } },
    ],
    [
      'primitive lists merge',
      { metadata: { finalizers: ['b', 'c'] } },
      { ...base, metadata: { name: 'p', finalizers: ['a', 'b', 'c'] } },
    ],
    [
      '$deleteFromPrimitiveList',
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } },
      { ...base, metadata: { name: 'p', finalizers: ['b'] } },
    ],
    [
      '$setElementOrder of primitives',
      { metadata: { '$setElementOrder/finalizers': ['b', 'a'] } },
      { ...base, metadata: { name: 'p', finalizers: ['b', 'a'] } },
    ],
    [
      '$setElementOrder of objects',
      {
        spec: {
          '$setElementOrder/containers': [{ name: 'nginx' }, { name: 'redis' }],
          containers: [{ name: 'redis' }],
        },
      },
      { ...base, spec: { ...base.spec, containers: [nginx, { name: 'redis' }] } },
    ],
    [
      'directives and nulls are left out of new values',
      { spec: { strategy: { $retainKeys: ['type'], type: 'X', rollingUpdate: null } } },
      { ...base, spec: { ...base.spec, strategy: { type: 'X' } } },
    ],
  ])('%s', (_name, patch, expected) => {
    expect(applyStrategicMergePatch(base, patch, pod)).toEqual(expected);
  });

  test('$retainKeys', () => {
    const live = {
      spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }, whole: { a: '1' } },
    };
    expect(
      applyStrategicMergePatch(
        live,
        { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' }, whole: { b: '2' } } },
        pod,
      ),
    ).toEqual({
      spec: { strategy: { type: 'Recreate' }, whole: { b: '2' } },
    });
  });

  test.each<[string, unknown, string]>([
    ['no object', [], 'must be an object'],
    ['unknown directive', { spec: { $patch: 'frob' } }, 'unknown patch type'],
    ['no merge key', { spec: { containers: [{ image: 'x' }] } }, 'does not contain declared merge key: name'],
    [
      'retainKeys',
      { spec: { $retainKeys: ['a'], tolerations: [] } },
      '$retainKeys list must contain all fields',
    ],
  ])('refuses: %s', (_name, patch, message) => {
    expect(() => applyStrategicMergePatch(base, patch, pod)).toThrow(message);
  });
});
