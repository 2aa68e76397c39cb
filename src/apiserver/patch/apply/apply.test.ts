import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { array, int32, listMap, map, object, setOf, string } from '#api/schema.ts';
import { deepEqual } from '../equal.ts';
import { conflictStatus, serverSideApply, updateManagedFields } from './apply.ts';
import { FieldSet } from './field-set.ts';
import type { ApplyRequest, ManagedFieldsEntry } from './types.ts';

const schema = object({
  data: map(string()),
  spec: object({
    size: string(),
    parts: listMap(['name'], object({ name: string(), weight: int32() }, ['name'])),
    ports: listMap(
      ['port', 'protocol'],
      object({ port: int32(), protocol: string(undefined, { default: 'TCP' }), name: string() }),
    ),
    tags: setOf(string()),
    list: array(string()),
    box: { ...object({ a: string(), b: string() }), 'x-kubernetes-map-type': 'atomic' },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const,
  }),
});

type Fields = Record<string, unknown>;

const now = new Date('2026-01-01T00:00:00.500Z');
const later = new Date('2026-01-01T01:00:00Z');
const base = { schema, apiVersion: 'v1', now, force: false };
const meta = (more: Fields = {}) => ({ name: 'a', namespace: 'n', ...more });

function apply(live: Fields | undefined, manager: string, applied: Fields, more: Partial<ApplyRequest> = {}) {
  return serverSideApply({
    ...base,
    live,
    manager,
    applied: { apiVersion: 'v1', kind: 'T', metadata: meta(), ...applied },
    ...more,
  });
}

function owners(of: Fields): Record<string, unknown> {
  const entries = (of['metadata'] as { managedFields?: ManagedFieldsEntry[] }).managedFields ?? [];
  return Object.fromEntries(entries.map((entry) => [`${entry.manager} ${entry.operation}`, entry.fieldsV1]));
}

describe('serverSideApply', () => {
  test('two managers of one object: conflict, force, and removal of what is dropped', () => {
    const first = apply(undefined, 'one', { data: { one: '1', both: 'one' } }).object;
    const refused = apply(first, 'two', { data: { two: '2', both: 'two' } });
    expect(conflictStatus(refused.conflicts)).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.both',
      details: {
        causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.both' }],
      },
    });
    const forced = apply(first, 'two', { data: { two: '2', both: 'two' } }, { force: true });
    expect([forced.conflicts, forced.object['data'], owners(forced.object)]).toEqual([
      [],
      { both: 'two', one: '1', two: '2' },
      {
        'one Apply': { 'f:data': { 'f:one': {} } },
        'two Apply': { 'f:data': { 'f:both': {}, 'f:two': {} } },
      },
    ]);
    const less = apply(forced.object, 'one', { data: { both: 'one' } }, { force: true });
    expect([less.object['data'], owners(less.object)]).toEqual([
      { both: 'one', two: '2' },
      { 'one Apply': { 'f:data': { 'f:both': {} } }, 'two Apply': { 'f:data': { 'f:two': {} } } },
    ]);
  });

  test('several conflicts', () => {
    const live = apply(undefined, 'one', {
      data: { a: '1', b: '1' },
      spec: { parts: [{ name: 'l', weight: 1 }] },
    }).object;
    const { conflicts } = apply(live, 'two', {
      data: { a: '2', b: '2' },
      spec: { parts: [{ name: 'l', weight: 2 }] },
    });
    expect(conflictStatus(conflicts).message).toBe(
      'Apply failed with 3 conflicts: conflicts with "one":\n- .data.a\n- .data.b\n- .spec.parts[name="l"].weight',
    );
  });

  test('keyed lists merge by item', () => {
    const one = apply(undefined, 'one', {
      spec: { size: 'small', parts: [{ name: 'left', weight: 1 }] },
    }).object;
    const two = apply(one, 'two', { spec: { size: 'small', parts: [{ name: 'right', weight: 2 }] } });
    expect([two.conflicts, two.object['spec']]).toEqual([
      [],
      {
        size: 'small',
        parts: [
          { name: 'left', weight: 1 },
          { name: 'right', weight: 2 },
        ],
      },
    ]);
    const gone = apply(two.object, 'one', { spec: { size: 'small' } }).object;
    expect([gone['spec'], owners(gone)]).toEqual([
      { size: 'small', parts: [{ name: 'right', weight: 2 }] },
      {
        'one Apply': { 'f:spec': { 'f:size': {} } },
        'two Apply': {
          'f:spec': {
            'f:parts': { 'k:{"name":"right"}': { '.': {}, 'f:name': {}, 'f:weight': {} } },
            'f:size': {},
          },
        },
      },
    ]);
  });

  test('an item goes with the defaults that nobody owns', () => {
    const one = apply(undefined, 'one', { spec: { size: 's', parts: [{ name: 'l' }] } }).object;
    const defaulted = { ...one, spec: { size: 's', parts: [{ name: 'l', weight: 5 }] } };
    expect(apply(defaulted, 'one', { spec: { size: 's' } }).object['spec']).toEqual({ size: 's' });
  });

  test('keys have defaults, sets merge, atomic lists and maps are whole', () => {
    const one = apply(undefined, 'one', {
      spec: { ports: [{ port: 80 }], tags: ['a'], list: ['x'], box: { a: '1' } },
    }).object;
    const live = { ...one, spec: { ...(one['spec'] as Fields), ports: [{ port: 80, protocol: 'TCP' }] } };
    const two = apply(live, 'two', {
      spec: {
        ports: [
          { port: 80, protocol: 'TCP', name: 'web' },
          { port: 53, protocol: 'UDP' },
        ],
        tags: ['b'],
        list: ['y'],
        box: { b: '2' },
      },
    });
    expect([two.conflicts.map(({ field }) => field), two.object['spec']]).toEqual([
      ['.spec.box', '.spec.list'],
      {
        ports: [
          { port: 80, protocol: 'TCP', name: 'web' },
          { port: 53, protocol: 'UDP' },
        ],
        tags: ['a', 'b'],
        list: ['y'],
        box: { b: '2' },
      },
    ]);
  });

  test('shared items follow the applied order, others keep their neighbours', () => {
    const parts = (...names: string[]) => ({ spec: { parts: names.map((name) => ({ name })) } });
    const live = { metadata: meta(), ...parts('x', 'a', 'y', 'b', 'z') };
    const { object: made } = apply(live, 'one', parts('b', 'a', 'n'));
    expect((made['spec'] as { parts: { name: string }[] }).parts.map(({ name }) => name).join('')).toBe(
      'xbyazn',
    );
  });

  test('the same value is owned together, and stays until the last owner drops it', () => {
    const one = apply(undefined, 'one', { data: { a: '1' } }).object;
    const both = apply(one, 'two', { data: { a: '1' } });
    expect(both.conflicts).toEqual([]);
    const dropped = apply(both.object, 'one', {}).object;
    expect([dropped['data'], Object.keys(owners(dropped))]).toEqual([{ a: '1' }, ['two Apply']]);
    expect(apply(dropped, 'two', {}).object).not.toHaveProperty('data');
  });

  test('an ordinary writer takes ownership, and is named in conflicts', () => {
    const one = apply(undefined, 'one', { data: { a: '1', b: '1' } }).object;
    const after = { ...one, data: { a: '2', b: '1' } };
    const managedFields = updateManagedFields({ ...base, before: one, after, manager: 'kubectl-edit' });
    const live = { ...after, metadata: meta({ managedFields }) };
    expect(owners(live)).toEqual({
      'one Apply': { 'f:data': { 'f:b': {} } },
      'kubectl-edit Update': { 'f:data': { 'f:a': {} } },
    });
    expect(apply(live, 'one', { data: { a: '1', b: '1' } }).conflicts).toEqual([
      { manager: '"kubectl-edit" using v1', field: '.data.a' },
    ]);
  });

  test('an object without recorded owners', () => {
    const { conflicts } = apply({ metadata: meta(), data: { a: '1' } }, 'one', { data: { a: '2' } });
    expect(conflicts).toEqual([{ manager: '"before-first-apply" using v1', field: '.data.a' }]);
  });

  test('refuses managedFields in the configuration', () => {
    expect(() => apply(undefined, 'one', { metadata: meta({ managedFields: [{}] }) })).toThrow(
      'metadata.managedFields must be nil',
    );
  });

  const names = fc.constantFrom('a', 'b', 'c', 'd');
  const text = fc.constantFrom('1', '2');
  const config = fc.record(
    {
      data: fc.dictionary(names, text),
      spec: fc.record(
        {
          size: text,
          parts: fc.uniqueArray(fc.record({ name: names, weight: fc.nat(2) }), {
            selector: ({ name }) => name,
          }),
          tags: fc.uniqueArray(names),
          list: fc.array(text),
          free: fc.object({ maxDepth: 2, key: names, values: [text, fc.integer(), fc.constant(null)] }),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );

  test('applying twice changes nothing', () => {
    fc.assert(
      fc.property(config, config, (first, second) => {
        const live = apply(undefined, 'one', first).object;
        const once = apply(live, 'two', second, { force: true }).object;
        const twice = apply(once, 'two', second, { now: later });
        expect(twice.conflicts).toEqual([]);
        expect(deepEqual(twice.object, once)).toBe(true);
      }),
    );
  });

  test('disjoint managers never conflict, and leave each other alone', () => {
    const keys = (prefix: string) =>
      fc.dictionary(
        names.map((name) => `${prefix}${name}`),
        text,
      );
    fc.assert(
      fc.property(keys('x'), keys('y'), keys('x'), (mine, theirs, next) => {
        const live = apply(undefined, 'one', { data: mine }).object;
        const both = apply(live, 'two', { data: theirs });
        const changed = apply(both.object, 'one', { data: next });
        expect([...both.conflicts, ...changed.conflicts]).toEqual([]);
        expect(changed.object['data'] ?? {}).toEqual({ ...theirs, ...next });
      }),
    );
  });
});

describe('updateManagedFields', () => {
  test('create', () => {
    const after = {
      apiVersion: 'v1',
      kind: 'T',
      metadata: meta({ labels: { x: 'y' }, uid: 'u' }),
      data: { a: '1' },
    };
    expect(updateManagedFields({ ...base, after, manager: 'kubectl-create' })).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:data': { '.': {}, 'f:a': {} }, 'f:metadata': { 'f:labels': { '.': {}, 'f:x': {} } } },
      },
    ]);
  });

  test('nothing changed', () => {
    const before = { metadata: meta({ managedFields: [] }), data: { a: '1' } };
    expect(updateManagedFields({ ...base, before, after: structuredClone(before), manager: 'x' })).toEqual(
      [],
    );
  });

  test('what is gone has no owner; a status write is told apart', () => {
    const created = { metadata: meta(), data: { a: '1', b: '1' } };
    const managedFields = updateManagedFields({ ...base, after: created, manager: 'x' });
    const before = { ...created, metadata: meta({ managedFields }) };
    const after = { metadata: meta(), data: { b: '1' }, status: { ready: true } };
    const entries = updateManagedFields({
      ...base,
      before,
      after,
      manager: 'x',
      subresource: 'status',
      now: later,
    });
    expect(entries).toMatchObject([
      { manager: 'x', fieldsV1: { 'f:data': { '.': {}, 'f:b': {} } }, time: '2026-01-01T00:00:00Z' },
      {
        manager: 'x',
        subresource: 'status',
        fieldsV1: { 'f:status': { '.': {}, 'f:ready': {} } },
        time: '2026-01-01T01:00:00Z',
      },
    ]);
  });

  test('keeps at most ten Update managers', () => {
    let object: Fields = { metadata: meta() };
    for (let index = 0; index < 14; index += 1) {
      const after = { ...object, data: { ...((object['data'] ?? {}) as Fields), [`k${index}`]: '1' } };
      const managedFields = updateManagedFields({
        ...base,
        before: object,
        after,
        manager: `m${index}`,
        now: new Date(now.getTime() + index * 1000),
      });
      object = { ...after, metadata: meta({ managedFields }) };
    }
    const entries = (object['metadata'] as { managedFields: ManagedFieldsEntry[] }).managedFields;
    expect([
      entries.length,
      entries[0]?.manager,
      Object.keys(entries[0]?.fieldsV1['f:data'] ?? {}).length,
    ]).toEqual([10, 'ancient-changes', 6]);
  });
});

test('FieldSet: JSON and back', () => {
  const v1 = { 'f:a': { '.': {}, 'f:b': {} }, 'f:c': { 'k:{"name":"x","n":1}': {}, 'v:"s"': {}, 'i:0': {} } };
  const set = FieldSet.fromV1(v1);
  expect([set.toV1(), set.paths()]).toEqual([v1, ['.a', '.a.b', '.c[0]', '.c[name="x",n=1]', '.c[="s"]']]);
});
