import { beforeEach, describe, expect, test } from 'vitest';
import type { SchemaNode } from '#api/schema.ts';
import { budgetLeft, RULES_BUDGET, startBudget } from './budget.ts';
import { compileRule, summaryOf } from './compile.ts';
import { estimatedCost } from './cost/estimate.ts';
import { compileFault } from './typed.ts';
import { toCel } from './values.ts';

beforeEach(() => {
  startBudget(RULES_BUDGET);
});

const texts: SchemaNode = { type: 'array', maxItems: 10, items: { type: 'string', maxLength: 20 } };
const node: SchemaNode = {
  type: 'object',
  properties: {
    l: { type: 'array', maxItems: 10, items: { type: 'integer' } },
    s: texts,
    o: {
      type: 'array',
      maxItems: 10,
      items: { type: 'object', properties: { n: { type: 'integer' }, w: { type: 'string' } } },
    },
    m: { type: 'object', additionalProperties: { type: 'string', maxLength: 10 }, maxProperties: 5 },
    t: { type: 'string', maxLength: 10 },
    x: { type: 'string', maxLength: 10 },
  },
};
const object = {
  l: [3, 1, 2, 1],
  s: ['b', 'a'],
  o: [
    { n: 2, w: 'z' },
    { n: 1, w: 'y' },
  ],
  m: { a: 'A', b: 'B' },
  t: 'v1.2',
};
const check = { node, root: false, oldSelf: 'value', result: 'bool' } as const;
const run = (rule: string) => compileRule(rule).run({ self: toCel(node, object, new Map()) });

function holding(rules: readonly string[]): void {
  test.each(rules)('%s', (rule) => {
    expect(compileFault(rule, check)).toBeUndefined();
    expect(run(rule)).toBe(true);
  });
}

describe('optionals', () => {
  holding([
    'optional.of(1).optMap(x, x + 1).value() == 2 && !optional.none().optMap(x, x + 1).hasValue()',
    'self.?t.optMap(v, v.size()).orValue(0) == 4 && self.?x.optMap(v, v.size()).orValue(0) == 0',
    "self.?t.optFlatMap(v, v == '' ? optional.none() : optional.of(v)).hasValue()",
    '[optional.of(2)].all(o, o.optMap(x, [1, 2].exists(y, y == x)).value())',
    "!optional.ofNonZeroValue('').hasValue() && !optional.ofNonZeroValue([]).hasValue() && optional.ofNonZeroValue(1).hasValue()",
    "!optional.ofNonZeroValue({}).hasValue() && !optional.ofNonZeroValue(0u).hasValue() && !optional.ofNonZeroValue(duration('0s')).hasValue()",
    "[self.?x, self.?t].unwrapOpt() == ['v1.2'] && optional.unwrap([self.?x, self.?t])[0] == 'v1.2'",
    'self.l.first().value() == 3 && self.l.last().value() == 1 && ![].first().hasValue()',
    'optional.of([1]) == optional.of([1]) && optional.none() == optional.none() && optional.of(1) != optional.none()',
    "self.m.?a.orValue('') == 'A' && self.m[?'z'].or(self.m[?'b']).value() == 'B'",
    "[?self.?x, ?self.?t] == ['v1.2'] && [?optional.none()] == []",
    "{?'x': self.?x, ?'t': self.?t, 'k': 'c'} == {'t': 'v1.2', 'k': 'c'}",
    "{'a': true ? 1 : 2, ?'b': false ? optional.of(1) : optional.none()} == {'a': 1}",
    "'a?b,[?' == 'a?b,[?' && [?optional.of('x,?]')] == ['x,?]'] && [1, 2][? 5].orValue(7) == 7",
    "'t' in {?'t': self.?t} && 'v1.2' in [?self.?t]",
  ]);

  test.each([
    ['[?1] == [1]', "1:3: Syntax error: must be optional, got 'int'"],
    ["[?self.?x, self.zz] == ['v']", "1:16: undefined field 'zz'"],
    ["optionalEntry(self.?x) == 'a'", "1:14: undeclared reference to 'optionalEntry' (in container '')"],
    ['[1, ?optional.of(2', '1:19: Syntax error'],
    ["'abc'.reverse() == 'cba'", "found no matching overload for 'reverse' applied to 'string.()'"],
    ["{'a': 1} == {'a': 1.0}", "'_==_' applied to '(map<string, int>, map<string, double>)'"],
  ])('%s is refused where it is wrong', (rule, fault) => {
    expect(compileFault(rule, check)).toContain(fault);
  });
});

describe('lists', () => {
  holding([
    "self.l.sort() == [1, 1, 2, 3] && self.s.sort() == ['a', 'b'] && [true, false].sort() == [false, true]",
    "self.o.sortBy(e, e.n).map(e, e.w) == ['y', 'z'] && self.l.sortBy(e, -e)[0] == 3",
    'self.l.distinct() == [3, 1, 2] && self.l.distinct().all(x, x > 0) && self.l.reverse()[0] == 1',
    'self.l.slice(1, 3) == [1, 2] && self.l.slice(4, 4) == []',
    "[self.s, ['c']].flatten() == ['b', 'a', 'c'] && [1, [2, [3, [4]]]].flatten(2) == [1, 2, 3, [4]]",
    'lists.range(3).map(i, i * 2) == [0, 2, 4] && lists.range(0) == []',
    "[duration('1m'), duration('1s')].sum() == duration('61s') && [1u, 2u].sum() == 3u",
  ]);

  test.each([
    ['self.l.slice(2, 1) == []', 'cannot slice(2, 1), start index must be less than or equal to end index'],
    ['self.l.slice(0, 9) == []', 'cannot slice(0, 9), list is length 4'],
    ['self.l.flatten(-1) == []', 'level must be non-negative'],
    ["[dyn(1), dyn('b')].sort() == []", 'list elements must have the same type'],
    ['self.l.sortBy(e, [e]) == []', 'list elements must be comparable'],
    ['lists.range(-1) == []', 'lists.range: size must be non-negative, got -1'],
    ['lists.range(2000000).size() > 0', 'actual cost limit exceeded'],
  ])('%s', (rule, why) => {
    expect(() => run(rule)).toThrow(why);
  });
});

describe('two variables', () => {
  holding([
    '[0, 1].exists(i, v, 1 / v == 1) && ![0, 2].all(i, v, 1 / v == 1)',
    "self.m.transformMapEntry(k, v, {v: k}) == {'A': 'a', 'B': 'b'}",
    "self.m.transformMapEntry(k, v, k == 'a', {v: k}).size() == 1",
  ]);

  test('an error counts when nothing else settles the answer, and keys come once', () => {
    expect(() => run('[0, 2].exists(i, v, 1 / v == 1)')).toThrow('division by zero');
    expect(() => run('[0, 1].all(i, v, 1 / v == 1)')).toThrow('division by zero');
    expect(() => run("self.m.transformMapEntry(k, v, {'x': k}).size() == 1")).toThrow('key x already exists');
  });
});

describe('versions', () => {
  holding([
    "semver('1.2.3').major() == 1 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
    "semver('1.2.3-alpha.1').isLessThan(semver('1.2.3-alpha.beta')) && semver('1.2.3').isGreaterThan(semver('1.2.3-rc.1'))",
    "semver('1.0.0-rc.1') != semver('1.0.0') && semver('1.0.0+a') == semver('1.0.0+b')",
    "semver('1.0.0-2').compareTo(semver('1.0.0-10')) == -1 && semver('1.0.0-a').compareTo(semver('1.0.0-a.b')) == -1",
    "semver('v01.010.0-x', true).compareTo(semver('1.10.0-x')) == 0 && semver('1', true).major() == 1",
    "isSemver('1.0.0-a.b+c.d') && !isSemver('01.1.1') && !isSemver('1.2') && !isSemver('v1.0.0') && !isSemver('1.0.0-01')",
    "isSemver(self.t, true) && !isSemver('1.2-a', true) && isSemver('0.00.0', true) && !isSemver('x.b.c', true)",
  ]);

  test('what is none says why', () => {
    expect(() => run("semver('200K').major() == 1")).toThrow('No Major.Minor.Patch elements found');
    expect(() => run("semver('1.02.3').major() == 1")).toThrow(
      'Minor number must not contain leading zeroes "02"',
    );
  });
});

describe('characters, zones and URLs', () => {
  holding([
    "'👑a'.indexOf('a') == 1 && 'a👑a'.lastIndexOf('a') == 2 && 'a👑a'.indexOf('a', 1) == 2 && 'abc'.indexOf('z') == -1",
    "'abc'.indexOf('') == 0 && 'abc'.lastIndexOf('') == 3 && ''.indexOf('a') == -1 && ''.lastIndexOf('a') == -1",
    "'👑abc'.substring(1) == 'abc' && '👑abc'.substring(0, 1) == '👑' && 'abc'.substring(3) == ''",
    "'ÀB'.lowerAscii() == 'Àb' && 'àb'.upperAscii() == 'àB'",
    "'👑b'.split('') == ['👑', 'b'] && 'a,b,c'.split(',', 0) == [] && 'a,b,c'.split(',', 2) == ['a', 'b,c']",
    "'a👑'.replace('', '-') == '-a-👑-' && 'ab'.replace('', '-', 1) == '-ab'",
    "self.s.indexOf('a') == 1 && self.l.lastIndexOf(1) == 3",
    "timestamp('2011-08-18T00:00:00Z').getHours('02:00') == 2 && timestamp('2011-08-18T00:00:00Z').getHours('-02:30') == 21",
    "timestamp('2011-08-18T23:30:00Z').getDayOfMonth('Europe/Berlin') == 18 && timestamp('2011-01-01T00:00:00Z').getDayOfYear('-01:00') == 364",
    "timestamp('2011-08-18T00:00:01Z').getMinutes('Asia/Kolkata') == 30 && timestamp('2011-08-18T00:00:01Z').getSeconds('UTC') == 1",
    "url('https://u:p@Example.com:443/').getHost() == 'Example.com:443' && url('HTTPS://[::1]:80/').getHostname() == '::1'",
    "url('https://example.com').getEscapedPath() == '' && url('https://example.com/with space/%2F').getEscapedPath() == '/with%20space/%2F'",
    "url('https://example.com:80/').getPort() == '80' && url('HTTPS://example.com').getScheme() == 'https' && url('/a?b=c').getQuery() == {'b': ['c']}",
    "!isURL('mailto:a@b.c') && !isURL('example.com') && isURL('/path') && !isURL('https://example.com:port/')",
  ]);

  test.each([
    ["'abc'.substring(5) == ''", 'index out of range: 5'],
    ["'abc'.substring(2, 1) == ''", 'invalid substring range. start: 2, end: 1'],
    ["'abc'.indexOf('c', 3) == 0", 'index out of range: 3'],
    ["timestamp('2011-08-18T00:00:00Z').getHours('Nowhere/Else') == 0", 'unknown time zone Nowhere/Else'],
    ["dyn('a').indexOf(1) == 0", "found no matching overload for 'string.indexOf(int)'"],
  ])('%s', (rule, why) => {
    let told: unknown;
    try {
      run(rule);
    } catch (error) {
      told = summaryOf(error);
    }
    expect(told).toContain(why);
  });
});

describe('texts and conversions', () => {
  holding([
    "'%s'.format([{'b': [1, 'x', 1.5], 'a': null}]) == '{\"a\":null, \"b\":[1, \"x\", 1.500000]}'",
    "'%s %s %s'.format([true, 1.5, b'y']) == 'true 1.5 y' && '%s'.format([1000000.0]) == '1e+06'",
    "'%s %s'.format([duration('90s'), timestamp('2023-02-03T23:31:20Z')]) == '90s 2023-02-03T23:31:20Z'",
    "'%s'.format([[duration('90s'), 2u]]) == '[duration(\"90s\"), 2]'",
    "'%b %b %d'.format([true, 5, uint(5)]) == '1 101 5' && '%.2f'.format([1234.5]) == '1,234.50'",
    "'%.6e'.format([1052.032911275]) == '1.052033\u202f×\u202f10⁰³'",
    'strings.quote(\'a"b\\n\') == \'"a\\\\"b\\\\n"\'',
    "string(duration('1.5s')) == '1.5s' && string(duration('-90m')) == '-5400s'",
    "string(timestamp('2011-08-18T01:00:00.5Z')) == '2011-08-18T01:00:00.5Z' && int(timestamp('1970-01-01T00:00:01Z')) == 1",
    "bool('T') && !bool('F') && bool('1')",
  ]);

  test.each([
    ["'%d'.format([1.5]) == ''", 'decimal clause can only be used on integers, was given double'],
    ["'%f'.format([1]) == ''", 'fixed-point clause can only be used on doubles, was given int'],
    ["'%s'.format([]) == ''", 'error during formatting: index 0 out of range'],
    ["bool('yes')", 'strconv.ParseBool: parsing "yes": invalid syntax'],
  ])('%s', (rule, why) => {
    expect(() => run(rule)).toThrow(why);
  });
});

/** Units of a run, and at most, by cel-go's formulas: a call and a new list are 11, comparing n items with each other 2n². */
test.each([
  ['self.l.reverse().size() > 0', 2 + (4 + 11) + 1 + 1, 2 + (10 + 11) + 1 + 1],
  ['self.l.slice(1, 3).size() > 0', 2 + (2 + 11) + 1 + 1, 2 + (2 + 11) + 1 + 1],
  ['self.l.sort().size() > 0', 2 + (32 + 11) + 1 + 1, 2 + (200 + 11) + 1 + 1],
  ['self.s.sort().size() > 0', 2 + (8 + 11) + 1 + 1, 2 + (210 + 11) + 1 + 1],
  ['self.l.distinct().size() > 0', 2 + (32 + 11) + 1 + 1, 2 + (200 + 11) + 1 + 1],
  ['self.l.flatten().size() > 0', 2 + (4 + 11) + 1 + 1, 2 + (10 + 11) + 1 + 1],
  ['lists.range(7).size() == 7', 7 + 11 + 1 + 1, 7 + 11 + 1 + 1],
  ['isSemver(self.t)', 2 + 1, 2 + 4],
  ["semver(self.t, true) == semver('1.2.0')", 2 + 1 + 1 + 1, 2 + 4 + 1 + 1],
  // The receiver is asked whether it has a value, then for it; its value is bound to a name (10 at most).
  ['self.?t.optMap(v, v).hasValue()', 2 + 1 + (2 + 1) + 1 + 1 + 1, 2 + 1 + 1 + 10 + (2 + 1) + 1 + 1],
  [
    'self.m.transformMapEntry(k, v, {v: k}).size() > 0',
    2 + 1 + 2 * (2 + 30 + 2) + 1 + 1,
    2 + 31 + 5 * (2 + 32) + 1 + 1,
  ],
])('%s costs', (rule, units, most) => {
  const before = budgetLeft();
  compileRule(rule).run({ self: toCel(node, object, new Map()) });
  expect([before - budgetLeft(), estimatedCost(rule, check)]).toEqual([units, most]);
});
