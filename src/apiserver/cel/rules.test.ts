import { describe, expect, test } from 'vitest';
import type { SchemaNode, ValidationRule } from '#api/schema.ts';
import { hasRules, validateRules } from './rules.ts';

describe('validateRules', () => {
  const withRule = (rule: object, more: SchemaNode = {}): SchemaNode => ({
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: { a: { type: 'string' } },
        ...more,
        'x-kubernetes-validations': [rule as never],
      },
    },
  });
  const lines = (node: SchemaNode, object: unknown, old?: unknown) =>
    validateRules(node, object, old).map(({ type, field, message }) => `${type} ${field}: ${message}`);

  test('words', () => {
    const spec = { spec: { a: 'x' } };
    const cases: [object, string][] = [
      [{ rule: "self.a == 'y'" }, "FieldValueInvalid spec: Invalid value: failed rule: self.a == 'y'"],
      [{ rule: 'false', message: 'no' }, 'FieldValueInvalid spec: Invalid value: no'],
      [
        { rule: 'false', messageExpression: "'a is ' + self.a" },
        'FieldValueInvalid spec: Invalid value: a is x',
      ],
      [
        { rule: 'false', message: 'no', messageExpression: 'self.zz' },
        'FieldValueInvalid spec: Invalid value: no',
      ],
      [{ rule: 'false', message: 'no', fieldPath: '.a' }, 'FieldValueInvalid spec.a: Invalid value: no'],
      [
        { rule: 'false', message: 'no', reason: 'FieldValueForbidden' },
        'FieldValueForbidden spec: Forbidden: no',
      ],
      [
        { rule: 'self.zz > 1', message: 'no' },
        'FieldValueInvalid spec: Invalid value: No such key: zz evaluating rule: no',
      ],
    ];
    expect(cases.map(([rule]) => lines(withRule(rule), spec))).toEqual(cases.map(([, line]) => [line]));
  });

  test('transition rules follow keyed lists, and need a counterpart', () => {
    const node: SchemaNode = {
      type: 'object',
      properties: {
        parts: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: {
            type: 'object',
            properties: {
              name: { type: 'string' },
              n: {
                type: 'integer',
                'x-kubernetes-validations': [{ rule: 'self >= oldSelf', message: 'must grow' }],
              },
            },
          },
        },
      },
    };
    const old = {
      parts: [
        { name: 'a', n: 5 },
        { name: 'b', n: 5 },
      ],
    };
    const now = {
      parts: [
        { name: 'c', n: 1 },
        { name: 'b', n: 4 },
        { name: 'a', n: 6 },
      ],
    };
    expect([lines(node, now, old), lines(node, now)]).toEqual([
      ['FieldValueInvalid parts[1].n: Invalid value: 4: must grow'],
      [],
    ]);
  });

  test('optionalOldSelf runs on create too', () => {
    const rule = {
      rule: "oldSelf.hasValue() ? oldSelf.value().a == self.a : self.a == 'first'",
      message: 'no',
      optionalOldSelf: true,
    };
    const node = withRule(rule);
    expect([
      lines(node, { spec: { a: 'first' } }),
      lines(node, { spec: { a: 'x' } }).length,
      lines(node, { spec: { a: 'y' } }, { spec: { a: 'x' } }).length,
    ]).toEqual([[], 1, 1]);
  });

  test('a broken rule on an unchanged value is tolerated', () => {
    const node = withRule({ rule: "self.a == 'good'", message: 'no' });
    expect([
      lines(node, { spec: { a: 'x' } }, { spec: { a: 'x' } }),
      lines(node, { spec: { a: 'y' } }, { spec: { a: 'x' } }).length,
    ]).toEqual([[], 1]);
  });

  test('hasRules', () => {
    expect([
      hasRules(withRule({ rule: 'true' })),
      hasRules({ type: 'object', properties: { a: { type: 'string' } } }),
    ]).toEqual([true, false]);
  });

  describe('that cost too much', () => {
    const many = Array.from({ length: 350 }, (_, index) => index);
    const square = 'self.l.all(a, self.l.all(b, a + b >= 0))';
    const listed = (...rules: readonly ValidationRule[]): SchemaNode => ({
      type: 'object',
      properties: { l: { type: 'array', items: { type: 'integer' } } },
      'x-kubernetes-validations': rules,
    });

    test('one of them ends the rules of the object', () => {
      const rule = `${square} && ${square}`;
      expect(lines(listed({ rule }, { rule: 'false' }), { l: many })).toEqual([
        `FieldValueInvalid : Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${rule}`,
      ]);
      const named = listed({ rule, message: ' too slow ' });
      expect(lines(named, { l: many }, { l: many })[0]).toContain('exceeds limit for rule: too slow');
    });

    test('together', () => {
      const several = Array.from({ length: 8 }, () => ({ rule: square }));
      expect(lines(listed(...several), { l: many })).toEqual([]);
      expect(lines(listed(...several, ...several), { l: many })).toEqual([
        'FieldValueInvalid : Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
      ]);
    });

    test('for a message', () => {
      const messageExpression = `string(${square} && ${square})`;
      const node = listed({ rule: 'false', messageExpression, fieldPath: '.l' }, { rule: 'false' });
      expect(lines(node, { l: many })).toEqual([
        `FieldValueInvalid l: Invalid value: "object": no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`,
      ]);
      expect(lines(node, { l: many }, { l: many })).toEqual([]);
    });
  });
});
