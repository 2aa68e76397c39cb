import { beforeEach, describe, expect, test } from 'vitest';
import type { SchemaNode } from '#api/schema.ts';
import { budgetLeft, CALL_LIMIT, charge, enter, leave, RULES_BUDGET, startBudget } from '../budget.ts';
import { compileRule } from '../compile.ts';
import { toCel } from '../values.ts';

beforeEach(() => {
  startBudget(RULES_BUDGET);
});

function spentBy(rule: string, self: unknown, node?: SchemaNode): number {
  const before = budgetLeft();
  const result = compileRule(rule).run({ self: toCel(node, self, new Map()) });
  expect(result).toBe(true);
  return before - budgetLeft();
}

const texts = { val1: 'Rook takes 👑', val2: 'Rook takes 👑' };
const numbers = { val1: 5, val2: 5, val4: 10.5 };
const lists = { val1: [1, 2, 3], val2: [1, 2, 3] };
const sets = {
  val1: ['a', 'b', 'c'],
  val2: ['a', 'c', 'b'],
  val3: Array.from({ length: 1000 }, (_, at) => at),
};
const maps = { val: { b: 1, d: 2 } };
const rows = {
  listMap: [
    { k: 'a1', v: 'b1' },
    { k: 'a2', v: 'b2' },
    { k: 'a3', v: 'b3', v2: 'z' },
  ],
};
const array = { array: [1, 1, 2, 2, 3, 3, 4, 5] };
const nested = {
  a: { b: 1 },
  a1: { b1: { c1: 4 } },
  objs: [
    [
      { k: 'a', v: '1' },
      { k: 'b', v: '2' },
    ],
  ],
  mapOfMap: { x: { y: 'b' } },
  listOfMap: [{ z: 'g' }],
  mapOfListMap: { o: [{ k: '1', v: 'd' }] },
};
const quantities = { val1: '20', val2: '200M' };
const optionals = { obj: { field: 'a' }, m: { k: 'v' }, l: ['a'] };

/** What kube-apiserver counts for rules over such objects. */
const table: readonly (readonly [object, Readonly<Record<string, number>>])[] = [
  [
    numbers,
    {
      'self.val1 == self.val2': 5,
      'type(self.val1) == int': 4,
      'self.val1 + 1 == 5 + 1': 5,
      'double(self.val1) < self.val4': 6,
      'double(5) < 10.0': 1,
      'double(self.val1) < 10.0': 4,
    },
  ],
  [
    texts,
    {
      "self.val1.startsWith('Rook')": 3,
      "!self.val1.startsWith('knight')": 4,
      "self.val1.matches('^[^0-9]*$')": 8,
      "!self.val1.matches('^[0-9]*$')": 7,
      "self.val1.charAt(3) == 'k'": 4,
      "self.val1.indexOf('o') == 1": 4,
      "self.val1.replace(' ', 'x') == 'Rookxtakesx👑'": 7,
      "self.val1.split(' ') == ['Rook', 'takes', '👑']": 6,
      "self.val1.substring(5) == 'takes 👑'": 5,
      "self.val1.substring(4, 10).trim() == 'takes'": 6,
      "self.val1.lowerAscii() == 'rook takes 👑'": 6,
      'self.val1.lowerAscii() == self.val1.lowerAscii()': 10,
      "'%o %o %o'.format([7, 8, 9]) == '7 10 11'": 2,
      "self.val1 in ['Rook takes 👑', 'x']": 2,
    },
  ],
  [
    lists,
    {
      '1 in self.val1': 5,
      'self.val2[0] in self.val1': 8,
      '!(0 in self.val1)': 6,
      'self.val1 + self.val2 == [1, 2, 3, 1, 2, 3]': 6,
      'self.val1 + [4, 5] == [1, 2, 3, 4, 5]': 4,
      'has(self.val1) && has(self.val2)': 2,
      'self.val1 == self.val2 && self.val1 == [1, 2, 3] && self.val2 == [1, 2, 3]': 11,
    },
  ],
  [
    sets,
    {
      "sets.contains(self.val1, ['a'])": 6,
      "sets.equivalent(self.val1, ['a', 'b', 'c'])": 21,
      'sets.contains(self.val3, [1])': 1003,
      '!sets.equivalent(self.val3, [1, 2, 3])': 6004,
    },
  ],
  [
    maps,
    {
      "!('a' in self.val)": 4,
      '!has(self.val.a)': 3,
      'has(self.val.b)': 2,
      'self.val.all(k, self.val[k] > 0)': 17,
      '!self.val.exists(k, self.val[k] == 3)': 20,
      'self.val.exists_one(k, self.val[k] == 2)': 14,
      '!self.val.exists_one(k, self.val[k] > 0)': 17,
      'size(self.val) == 2': 4,
      'size(self.val.filter(k, self.val[k] > 1)) == 1': 26,
      'self.val.all(k, v, v > 0)': 13,
      '!self.val.exists(k, v, v == 3)': 16,
      'self.val.existsOne(k, v, v == 2)': 10,
      'self.val.transformMap(k, v, v > 1, v + 1).size() == 1': 14,
      'self.val.transformMap(k, v, v + 1).size() == 2': 15,
    },
  ],
  [
    rows,
    {
      'has(self.listMap[0].v)': 3,
      "self.listMap.all(m, m.k.startsWith('a'))": 21,
      "self.listMap.all(m, !has(m.v2) || m.v2 == 'z')": 21,
      "self.listMap.exists(m, m.k.endsWith('1'))": 13,
      "self.listMap.exists_one(m, m.k == 'a3')": 15,
      "!self.listMap.all(m, m.k.endsWith('1'))": 18,
      "!self.listMap.exists(m, m.v == 'x')": 25,
      "size(self.listMap.filter(m, m.k == 'a1')) == 1": 27,
      "self.listMap.exists(m, m.k == 'a1' && m.v == 'b1')": 16,
      "self.listMap.map(m, m.v).exists(v, v == 'b1')": 55,
      "!self.listMap.all(m, has(m.v2) && m.v2 != 'z')": 10,
      "self.listMap.map(m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1": 25,
      "self.listMap.filter(m, has(m.v2) && m.v2 == 'z').map(m, m.v2).size() == 1": 39,
      "!self.listMap.all(i, m, has(m.v2) && m.v2 != 'z')": 10,
      "self.listMap.transformList(i, m, has(m.v2) && m.v2 == 'z', m.v2).size() == 1": 25,
      'self.listMap.transformList(i, m, m.v).size() == 3': 47,
    },
  ],
  [
    array,
    {
      'self.array.all(e, e > 0)': 43,
      'self.array.exists(e, e > 2)': 36,
      'self.array.exists_one(e, e > 4)': 22,
      'size(self.array.filter(e, e%2 == 0)) == 3': 68,
      'self.array.map(e, e * 20).filter(e, e > 50).exists(e, e == 60)': 194,
      'self.array.transformList(i, e, e > 2, e * 2).size() > 0': 77,
      'self.array.transformList(i, e, e * 2).size() > 0': 117,
    },
  ],
  [
    nested,
    {
      'has(self.a1.b1.c1)': 3,
      '!(has(self.a1.d2) && has(self.a1.d2.e2))': 3,
      'self.objs[0] == [self.objs[0][0], self.objs[0][1]]': 22,
      "self.mapOfMap['x']['y'] == 'b'": 5,
      'self.mapOfMap.map(k, self.mapOfMap[k].map(m, m)).size() == 1': 34,
      'self.listOfMap.map(e, e.map(m, m)).size() == 1': 32,
      "self.mapOfListMap['o'].exists(e, e.k == '1' && e.v == 'd')": 14,
    },
  ],
  [
    { min: '50%', current: 5, available: 10 },
    {
      "type(self.min) == string && self.min.matches(r'(\\d+(\\.\\d+)?%)')": 10,
      "type(self.min) == int ? self.current <= self.min : double(self.current) / double(self.available) >= double(self.min.replace('%', '')) / 100.0": 17,
    },
  ],
  [
    quantities,
    {
      'isQuantity(self.val1)': 3,
      'quantity(self.val1).isLessThan(quantity(self.val2))': 7,
      'quantity("50k").add(quantity("20")) == quantity("50.02k")': 5,
    },
  ],
  [
    optionals,
    {
      "self.m[?'k'].orValue('x') == 'v'": 4,
      "self.l[?0].orValue('x') == 'a'": 4,
      "optional.of('a').hasValue()": 2,
      "optional.of('a').or(optional.of('a')).hasValue()": 2,
      "optional.none().or(optional.of('a')).hasValue()": 3,
      "self.obj.?field.orValue('v') == 'a'": 4,
    },
  ],
];

describe('what a run costs is what kube-apiserver counts', () => {
  test.each(
    table.flatMap(([self, rules]) => Object.entries(rules).map(([rule, units]) => ({ self, rule, units }))),
  )('$rule', ({ self, rule, units }) => {
    expect(spentBy(rule, self)).toBe(units);
  });
});

describe('what is charged beyond what kube-apiserver counts, as it takes more memory or time here', () => {
  const long = { list: Array.from({ length: 1000 }, () => 'x'), text: 'x'.repeat(1000) };

  test.each<[string, number]>([
    ['(self.list + self.list).size() > 0', 2 + 2 + 200 + 1 + 1],
    ["self.text.replace('x', 'longer').size() > 0", 2 + 200 + 500 + 1 + 1],
    ["self.text.findAll('x').size() > 0", 2 + 101 + 5000 + 1 + 1],
    ["self.text.find('x') == 'x'", 2 + 101 + 5 + 1],
    ["timestamp('2011-08-18T00:00:00Z').getHours('Europe/Berlin') == 2", 100 + 1],
    ["timestamp('2011-08-18T00:00:00Z').getHours() == 0", 1 + 1],
  ])('%s', (rule, units) => {
    expect(spentBy(rule, long)).toBe(units);
  });
});

describe('budgets', () => {
  const list = { list: Array.from({ length: 1000 }, (_, at) => at) };
  const square = 'self.list.all(a, self.list.all(b, a + b >= 0))';

  test('a run ends at its limit, though the expression would swallow the error', () => {
    const run = (rule: string) => compileRule(rule).run({ self: toCel(undefined, list, new Map()) });
    expect(() => run(square)).toThrow('operation cancelled: actual cost limit exceeded');
    expect(() => run(`${square} || true`)).toThrow('operation cancelled: actual cost limit exceeded');
    expect(RULES_BUDGET - budgetLeft()).toBeLessThan(2 * (CALL_LIMIT + 20));
    expect(run('self.list.all(a, a >= 0)')).toBe(true);
  });

  test('are shared by runs, and used up by the one that takes more than is left', () => {
    startBudget(10);
    expect(spentBy('self.list.size() > 0', list)).toBe(4);
    expect(spentBy('self.list.size() > 0', list)).toBe(4);
    const why =
      'validation failed due to running out of cost budget, no further validation rules will be run';
    expect(() => spentBy('self.list.size() > 0', list)).toThrow(why);
    expect(() => spentBy('true', list)).toThrow(why);
  });

  test('a run inside of another has a limit of its own, and the same budget', () => {
    const outer = enter();
    charge(CALL_LIMIT);
    const inner = enter();
    charge(CALL_LIMIT);
    leave(inner);
    expect(() => charge(1)).toThrow('actual cost limit exceeded');
    expect(() => leave(outer)).toThrow('actual cost limit exceeded');
    expect(RULES_BUDGET - budgetLeft()).toBe(2 * CALL_LIMIT + 1);
  });
});
