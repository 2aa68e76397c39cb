import { describe, expect, test } from 'vitest';
import type { SchemaNode } from '#api/schema.ts';
import { estimatedCost } from './estimate.ts';

type Make = (max?: number) => SchemaNode;

const bounded = (word: string, max: number | undefined) => (max === undefined ? {} : { [word]: max });
const items =
  (of: SchemaNode | Make): Make =>
  (max) => ({
    type: 'array',
    items: typeof of === 'function' ? of(max) : of,
    ...bounded('maxItems', max),
  });
const values =
  (of: SchemaNode): Make =>
  (max) => ({
    type: 'object',
    additionalProperties: of,
    ...bounded('maxProperties', max),
  });
const text: Make = (max) => ({ type: 'string', ...bounded('maxLength', max) });
const bytes: Make = (max) => ({ ...text(max), format: 'byte' });
const timed = (format: string): SchemaNode => ({ type: 'string', format });
const numeric: SchemaNode = { type: 'number' };
const either: SchemaNode = { 'x-kubernetes-int-or-string': true };
const part: SchemaNode = {
  type: 'object',
  properties: { required: { type: 'string' }, optional: { type: 'string' } },
  required: ['required'],
};
const object = (properties: Readonly<Record<string, SchemaNode>>): SchemaNode => ({
  type: 'object',
  properties,
});

const cost = (node: SchemaNode, rule: string) =>
  estimatedCost(rule, { node, root: false, oldSelf: 'value', result: 'bool' });

/** Numbers that kube-apiserver comes to: without bounds, then with `max` as the bound. */
const table: readonly (readonly [string, Make, number, number, number])[] = [
  ['self.all(x, true)', items(numeric), 4718591, 10, 32],
  ['self.all(x, true)', items({ type: 'string' }), 3145727, 20, 62],
  ['self.all(x, true)', items({ type: 'boolean' }), 1887437, 5, 17],
  ['self.all(x, true)', items(items(numeric)), 3145727, 100, 302],
  ['self.all(x, true)', items(either), 4718591, 10, 32],
  ['self.all(x, true)', items(timed('duration')), 2359295, 5, 17],
  ['self.all(x, true)', items(timed('date')), 725936, 15, 47],
  ['self.all(x, true)', items(timed('date-time')), 428963, 25, 77],
  ['self.all(x, true)', values(numeric), 1348169, 10, 32],
  ['self.all(x, true)', values({ type: 'string' }), 1179647, 3, 11],
  ['self.all(x, true)', values({ type: 'boolean' }), 943718, 100, 302],
  ['self.all(x, true)', values(timed('duration')), 1048577, 5, 17],
  ['self.all(x, true)', values(timed('date-time')), 349526, 25, 77],
  ['has(self.x)', values(numeric), 1, 100, 1],
  ["self.contains('test')", text, 314574, 10, 5],
  ["self.startsWith('test')", text, 2, 15, 2],
  ["self.endsWith('test')", text, 2, 30, 2],
  ['size(self + "hello") > size("hello")', text, 314578, 4, 7],
  ['self[1] == 0.0', items(numeric), 2, 5000, 2],
  ['self[1] == self[1]', items({ type: 'string' }), 314577, 8, 314577],
  ['self.all(x, self.all(y, true))', items(numeric), 1572863 * (3 + 4718591) + 2, 10, 352],
  ['self.matches("x")', text, 314574, 50, 22],
  ['"".matches("(((((((((())))))))))[0-9]")', text, 7, 10, 7],
  ['self.matches("")', text, 1, 100, 1],
  ['self["x"] == 0.0', values(numeric), 2, 0, 2],
  ['self == "x"', text, 2, 0, 1],
  ['self == b"x"', bytes, 2, 0, 1],
  ['self.all(x, x == 0.0)', items(numeric), 6291454, 3 * 1024 * 2048, 25165826],
  ['self[0] == 5', items(either), 3, 10, 3],
  ['self[0] == null', items(part), 2, 422, 2],
  ['self[0][0] == -1.0', items(items(numeric)), 3, 51, 3],
  ['self.all(x, x.y == 25.2)', items(values(numeric)()), 6291452, 12, 74],
  ['self[0].x > 2.0', items(values(numeric)()), 4, 3000, 4],
  ['self[0].getHours() == 2', items(timed('duration')), 4, 525, 4],
  ['self[2].getDayOfMonth() == 13', items(timed('date')), 4, 42, 4],
  ["self.find('[0-9]+') == ''", text, 629147, 10, 11],
  ["self.join(' ') == 'aa bb'", items(text), 329853068905, 10, 43],
  ['self.isSorted() == true', items(text), 329854432052, 10, 52],
  [
    "self.str.replace(self.before, self.after) == 'does not matter'",
    (max) => object({ str: text(max), before: text(2), after: text(4) }),
    629154,
    4,
    12,
  ],
  [
    'self.str.split(self.separator) == []',
    (max) => object({ str: text(max), separator: text(max) }),
    629160,
    10,
    22,
  ],
  ["self.lowerAscii() == 'lower!'", text, 314575, 10, 6],
  ['oldSelf.size() == self.size()', values({ type: 'integer' }), 5, 10, 5],
  ['self["a"] == self["b"]', values(timed('date-time')), 8, 7, 8],
  ["self.contains('A')", (max) => ({ ...text(max), enum: ['A', 'B', 'C', 'LongValue'] }), 2, 1000, 401],
  ['isQuantity(self)', (max) => ({ ...either, ...bounded('maxLength', max) }), 314574, 20, 9],
];

describe('what an expression may cost', () => {
  test.each(table)('%s (%#)', (rule, make, unset, max, set) => {
    expect([cost(make(), rule), cost(make(max), rule)]).toEqual([unset, set]);
  });

  test.each<[string, number]>([
    // A conditional costs its dearer side, `&&` both.
    ["self.a == 'x' ? self.b.contains('y') : true", 2 + 1 + 2 + 4],
    ["self.a == 'x' && self.a == 'y'", 2 + 1 + 2 + 1],
    ["self.a in ['x', 'y']", 2 + 10 + 2],
    ['self.list.exists(x, x == self.a)', 2 + 1 + 5 * (4 + 1 + 2 + 4)],
    ['self.list.exists_one(x, x == self.a)', 2 + 2 + 5 * (2 + 1 + 2 + 4)],
    ['self.list.filter(x, true).size() == 1', 2 + 11 + 5 * 13 + 1 + 1],
    ['self.list.map(x, x + self.a).size() == 1', 2 + 11 + 5 * (12 + 1 + 2 + 8) + 1 + 1],
    ['self.list.all(i, x, i > 0 && x == self.a)', 2 + 1 + 5 * (3 + 1 + 1 + 1 + 2 + 4)],
    ['self.list.transformList(i, x, i).size() == 1', 2 + 11 + 5 * (12 + 1) + 1 + 1],
    ['cel.bind(b, self.a, b == b)', 10 + 2 + 1 + 1 + 4],
    ['sets.contains(self.list, self.list)', 2 + 2 + 26],
    ['isIP(self.a)', 2 + 4],
    ["cidr('10.0.0.0/8').containsIP(self.a)", 1 + 4 + 2 + 4],
    ["ip(self.a) == ip('10.0.0.1')", 2 + 4 + 1 + 1],
    ['!format.dns1123Label().validate(self.a).hasValue()', 1 + 2 + 128 + 1 + 1],
    ["self.?a.orValue('') == 'x'", 1 + 1 + 1 + 1],
    ["dyn(self.a) == 'x'", 2 + 1 + 1],
    ["self.a > 'x'", 2 + 1],
  ])('%s', (rule, expected) => {
    const node = object({ a: text(10), b: text(10), list: items(text(10))(5) });
    expect(cost(node, rule)).toBe(expected);
  });

  test('nothing bounds what only a run could tell', () => {
    expect(cost(object({ list: items(text(10))(5) }), "self.?list.orValue([]).all(x, x == 'a')")).toBe(
      Infinity,
    );
  });

  test('the name of an object is bounded, its apiVersion is not', () => {
    const root = (rule: string) =>
      estimatedCost(rule, { node: object({}), root: true, oldSelf: 'value', result: 'bool' });
    expect(root("self.metadata.name.contains('x')")).toBe(3 + 102);
    expect(root("self.apiVersion.contains('x')")).toBe(2 + 314573);
  });

  test('a long chain of conditions', () => {
    const rule = Array.from({ length: 1000 }, () => 'self.a != "b"').join(' && ');
    expect(cost(object({ a: text(1) }), rule)).toBe(1000 * 3);
  });
});
