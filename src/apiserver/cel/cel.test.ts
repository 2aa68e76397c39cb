import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { SchemaNode } from '#api/schema.ts';
import { RULES_BUDGET, startBudget } from './budget.ts';
import { compileRule } from './compile.ts';
import { escapeProperty } from './escape.ts';
import { toCel } from './values.ts';

beforeEach(() => {
  startBudget(RULES_BUDGET);
});

function run(rule: string, self: unknown, node?: SchemaNode): unknown {
  return compileRule(rule).run({ self: toCel(node, self, new Map()) });
}

describe('functions of Kubernetes', () => {
  test.each<[string, unknown]>([
    [
      "isIP('10.0.0.1') && isIP('fd00::1') && !isIP('10.0.0.01') && !isIP('fe80::1%eth0') && !isIP('::ffff:1.2.3.4')",
      true,
    ],
    ["ip('10.0.0.1').family() == 4 && ip('fd00::1').family() == 6", true],
    ["ip.isCanonical('fd00::1') && !ip.isCanonical('fd00:0::1')", true],
    ["ip('127.0.0.1').isLoopback() && ip('::').isUnspecified() && ip('fe80::1').isLinkLocalUnicast()", true],
    [
      "ip('224.0.0.5').isLinkLocalMulticast() && ip('8.8.8.8').isGlobalUnicast() && !ip('::1').isGlobalUnicast()",
      true,
    ],
    ["ip('FD00::1') == ip('fd00:0::1') && string(ip('FD00::1')) == 'fd00::1'", true],
    ["isCIDR('10.0.0.0/8') && !isCIDR('10.0.0.0') && !isCIDR('10.0.0.0/33') && !isCIDR('10.0.0.0/08')", true],
    ["cidr('10.1.2.3/8').containsIP('10.9.9.9') && cidr('10.0.0.0/8').containsIP(ip('10.1.1.1'))", true],
    [
      "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && !cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8'))",
      true,
    ],
    ["!cidr('10.0.0.0/8').containsIP('fd00::1') && cidr('::/0').containsIP('fd00::1')", true],
    ["string(cidr('10.1.2.3/16').masked()) == '10.1.0.0/16' && cidr('fd00::/64').prefixLength() == 64", true],
    [
      "cidr('fd01:2:3::9/48').masked() == cidr('fd01:2:3::/48') && cidr('10.0.0.1/8').ip() == ip('10.0.0.1')",
      true,
    ],
    ["isQuantity('1.5Gi') && !isQuantity('1.5gb') && quantity('1Gi').isGreaterThan(quantity('1G'))", true],
    [
      "quantity('1500m') == quantity('1.5') && quantity('1e3').asInteger() == 1000 && !quantity('0.5').isInteger()",
      true,
    ],
    [
      "quantity('2Ki').sub(quantity('1Ki')).add(1).compareTo(quantity('1025')) == 0 && quantity('-1').sign() == -1",
      true,
    ],
    ["quantity('50M').asApproximateFloat() == 50000000.0 && quantity('1').isLessThan(quantity('2'))", true],
    [
      "isURL('https://a.b:80/c?d=e') && !isURL('a b') && url('https://[::1]:80/c%20d').getHostname() == '::1'",
      true,
    ],
    [
      "url('http://a.b/c?x=1&x=2').getQuery()['x'] == ['1', '2'] && url('/p').getHost() == '' && url('http://h').getScheme() == 'http'",
      true,
    ],
    [
      "'abc 123'.find('[0-9]+') == '123' && 'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1b2'.findAll('[0-9]', 1) == ['1']",
      true,
    ],
    ["'aaaa'.matches('^(a+)+$') && !'x'.matches('^y') && matches('ab', '^a') && !matches('ab', 'x')", true],
    ["[1, 2, 3].isSorted() && [1, 2, 3].sum() == 6 && [3, 1].min() == 1 && ['a', 'b'].max() == 'b'", true],
    ['[1, 2, 1].indexOf(1) == 0 && [1, 2, 1].lastIndexOf(1) == 2 && [1].indexOf(9) == -1', true],
    ['sets.contains([1, 2], [1]) && sets.equivalent([1, 2], [2, 1]) && !sets.intersects([1], [2])', true],
    ["'%s-%d-%.2f-%x-%%'.format(['a', 7, 1.5, 255]) == 'a-7-1.50-ff-%'", true],
    [
      "'a,b'.replace(',', '-') == 'a-b' && 'aaa'.replace('a', 'b', 2) == 'bba' && 'abc'.charAt(1) == 'b'",
      true,
    ],
    [
      "!format.dns1123Label().validate('abc').hasValue() && format.dns1123Label().validate('A').value().size() == 1",
      true,
    ],
    ["format.named('uuid').value().validate('x').hasValue() && !format.named('nope').hasValue()", true],
    [
      "[1, 2].all(i, v, v == i + 1) && {'a': 1}.exists(k, v, k == 'a' && v == 1) && ['x'].existsOne(i, v, v == 'x')",
      true,
    ],
    [
      "['a', 'b'].transformList(i, v, i > 0, v) == ['b'] && {'a': 1}.transformMap(k, v, v + 1)['a'] == 2",
      true,
    ],
    ['[[1], [2]].all(i, list, list.all(j, v, v == i + j + 1))', true],
    ["optional.of(1).orValue(2) == 1 && {'a': 1}[?'b'].orValue(3) == 3", true],
    ["cel.bind(x, 2, x * x == 4) && duration('1h') > duration('59m') && type(1) == int", true],
  ])('%s', (rule, expected) => {
    expect(run(rule, null)).toBe(expected);
  });
});

test('errors of a run have neither a trace nor a drawing of their place, and errors elsewhere keep theirs', () => {
  const rules = [
    "self.a.b == 'x'",
    "int('x' + self.c) == 1",
    "ip('x' + self.c) == ip('1.2.3.4')",
    'self.c + 1 == 1',
  ];
  const errors = rules.map((rule) => {
    try {
      return run(rule, { c: 'c' });
    } catch (error) {
      return error;
    }
  });
  expect(errors).toEqual(rules.map(() => expect.any(Error)));
  expect(
    errors.filter((error) => /\n/.test(`${(error as Error).message} ${(error as Error).stack}`)),
  ).toEqual([]);
  expect(new Error('after').stack).toContain('cel.test.ts');
});

test('has() ends any expression', () => {
  const self = [{ a: { b: 1 } }, {}];
  const rules = [
    'has(self[0].a) && !has(self[1].a) && has(self[0].a.b) && !has(self[0].a.c)',
    'self.filter(x, has(x.a)).size() == 1 && self.exists(x, !has(x.a))',
    'has(self.filter(x, has(x.a))[0].a)',
  ];
  expect(rules.filter((rule) => run(rule, self) !== true)).toEqual([]);
  expect(() => run('has(self[1].a.b)', self)).toThrow('No such key: a');
});

test('values by schema', () => {
  const node: SchemaNode = {
    type: 'object',
    properties: {
      count: { type: 'integer' },
      share: { type: 'number' },
      port: { 'x-kubernetes-int-or-string': true },
      when: { type: 'string', format: 'date-time' },
      wait: { type: 'string', format: 'duration' },
      bytes: { type: 'string', format: 'byte' },
      namespace: { type: 'string' },
      'a-b': { type: 'string' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
    },
  };
  const self = {
    count: 3,
    share: 3,
    port: 80,
    when: '2026-01-01T00:00:00Z',
    wait: '1h30m',
    bytes: 'YWI=',
    namespace: 'n',
    'a-b': 'c',
    labels: { 'x-y': 'z' },
  };
  const rules = [
    'self.count / 2 == 1',
    'self.share / 2.0 == 1.5',
    'self.port == 80 && type(self.port) == int',
    "self.when < timestamp('2026-01-02T00:00:00Z')",
    "self.wait == duration('90m')",
    'self.bytes.size() == 2',
    "self.__namespace__ == 'n' && self.a__dash__b == 'c' && has(self.a__dash__b)",
    "self.labels['x-y'] == 'z' && 'x-y' in self.labels && self.labels.size() == 1",
    '!has(self.missing)',
  ];
  expect(rules.filter((rule) => run(rule, self, node) !== true)).toEqual([]);
});

test('escapeProperty', () => {
  const names = ['plain', 'a-b', 'a.b/c', 'x__y', 'namespace', 'in', 'bad name', '1x'];
  expect(names.map(escapeProperty)).toEqual([
    'plain',
    'a__dash__b',
    'a__dot__b__slash__c',
    'x__underscores__y',
    '__namespace__',
    '__in__',
    undefined,
    undefined,
  ]);
});

describe('compileRule', () => {
  test.each([
    ['self +', 'InvalidRule'],
    ['nonsense > 1', 'InvalidRule'],
    ["'a' + 1 == 2", 'InvalidRule'],
    ['[1].all(1, v, true)', 'InvalidRule'],
  ])('refuses %s', (rule, reason) => {
    expect(() => compileRule(rule)).toThrow(expect.objectContaining({ reason }));
  });

  test('refuses patterns that RE2 does not know', () => {
    expect(() => run("'a'.matches('(?=a)')", null)).toThrow('invalid regular expression');
  });

  test('finds oldSelf in the tree, not in texts', () => {
    const rules = [
      "self == 'oldSelf'",
      'self == oldSelf',
      '[1].all(x, oldSelf == x)',
      '[1].all(i, x, oldSelf == x)',
      'has(oldSelf.a)',
    ];
    expect(rules.map((rule) => compileRule(rule).usesOldSelf)).toEqual([false, true, true, true, true]);
  });

  test('any text either compiles or is refused', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('self.()[]{}"\'+-<>=!&|?:, 12ab\\')) }),
        (text) => {
          try {
            compileRule(text);
          } catch (error) {
            expect(error).toMatchObject({ reason: 'InvalidRule' });
          }
        },
      ),
    );
  });
});
