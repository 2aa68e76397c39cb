import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyDifference, decodeValue, defaultOf, encodeValue, equalValues, type Value } from './codec.ts';
import type { ColumnType } from './schema.ts';

const unlimited = Number.POSITIVE_INFINITY;
const strings: ColumnType = { key: 'string', min: 0, max: unlimited };
const stringMap: ColumnType = { key: 'string', value: 'string', min: 0, max: unlimited };
const integerMap: ColumnType = { key: 'integer', value: 'uuid', min: 0, max: unlimited };
const optional: ColumnType = { key: 'integer', min: 0, max: 1 };
const uuid = '2f77b348-9768-4866-b761-89d5177ecda0';

describe('codec', () => {
  it.each<[string, ColumnType, Value, unknown]>([
    ['a string', { key: 'string', min: 1, max: 1 }, 'a', 'a'],
    ['a UUID', { key: 'uuid', min: 1, max: 1 }, uuid, ['uuid', uuid]],
    ['an empty set', strings, [], ['set', []]],
    ['a set of UUIDs', { key: 'uuid', min: 0, max: unlimited }, [uuid], ['set', [['uuid', uuid]]]],
    ['a map', stringMap, { a: 'b' }, ['map', [['a', 'b']]]],
    ['a map with integer keys', integerMap, { 3: uuid }, ['map', [[3, ['uuid', uuid]]]]],
    ['a map with a hostile key', stringMap, JSON.parse('{"__proto__":"x"}'), ['map', [['__proto__', 'x']]]],
  ])('writes and reads %s', (_, type, value, wire) => {
    expect(encodeValue(type, value)).toEqual(wire);
    expect(equalValues(decodeValue(type, wire), value)).toBe(true);
  });

  it('takes a bare atom for a set of one', () => {
    expect(decodeValue(optional, 7)).toEqual([7]);
    expect(decodeValue(strings, 'a')).toEqual(['a']);
  });

  it('takes names for rows of the same transaction and lists for map keys to delete', () => {
    expect(encodeValue({ key: 'uuid', min: 0, max: unlimited }, ['p1'])).toEqual([
      'set',
      [['named-uuid', 'p1']],
    ]);
    expect(encodeValue(stringMap, ['a', 'b'])).toEqual(['set', ['a', 'b']]);
  });

  it.each<[string, ColumnType, Value]>([
    ['scalar', { key: 'boolean', min: 1, max: 1 }, false],
    ['set', strings, []],
    ['map', stringMap, {}],
    ['uuid', { key: 'uuid', min: 1, max: 1 }, '00000000-0000-0000-0000-000000000000'],
  ])('knows the default of a %s', (_, type, value) => {
    expect(defaultOf(type)).toEqual(value);
  });

  it.each<[string, ColumnType, unknown]>([
    ['a number where a string belongs', strings, 5],
    ['a string where a map belongs', stringMap, 'a'],
    ['null', optional, null],
    ['a map without list', stringMap, ['map', 1]],
  ])('refuses %s', (_, type, wire) => {
    expect(() => decodeValue(type, wire)).toThrow('OVSDB: no');
  });

  it('applies the difference that a server computes for sets', () => {
    const set = fc.uniqueArray(fc.string());
    fc.assert(
      fc.property(set, set, (a, b) => {
        const difference = [...a.filter((x) => !b.includes(x)), ...b.filter((x) => !a.includes(x))];
        expect(applyDifference(strings, [...a].sort(), ['set', difference])).toEqual([...b].sort());
      }),
    );
  });

  it('applies the difference that a server computes for maps', () => {
    const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'));
    fc.assert(
      fc.property(map, map, (a, b) => {
        const gone = Object.entries(a).filter(([k]) => !Object.hasOwn(b, k));
        const changed = Object.entries(b).filter(([k, v]) => a[k] !== v);
        expect(applyDifference(stringMap, a, ['map', [...gone, ...changed]])).toEqual({ ...b });
      }),
    );
  });

  it('takes the new value of optional columns whole', () => {
    expect(applyDifference(optional, [3], ['set', []])).toEqual([]);
    expect(applyDifference(optional, [], 4)).toEqual([4]);
  });

  it('compares sets in any order and maps by content', () => {
    expect(equalValues(['a', 'b'], ['b', 'a'])).toBe(true);
    expect(equalValues(['a'], ['a', 'b'])).toBe(false);
    expect(equalValues({ a: '1' }, { a: '1', b: '2' })).toBe(false);
    expect(equalValues({ a: '1' }, ['a'])).toBe(false);
  });
});
