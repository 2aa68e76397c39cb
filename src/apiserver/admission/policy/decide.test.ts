import { describe, expect, it } from 'vitest';
import type { PolicySpec } from '#api/admissionregistration.k8s.io/validating-admission-policy.ts';
import { decide } from './decide.ts';

const object = new Map<string, unknown>([['n', 3n]]);
const messages = (spec: PolicySpec) => decide(spec, { object }).faults.map(({ message }) => message);
const fails = { validations: [{ expression: 'object.n > 5' }] };

describe('a policy', () => {
  it.each<[string, PolicySpec, readonly string[]]>([
    ['that holds', { validations: [{ expression: 'object.n == 3' }] }, []],
    ['that does not', fails, ['failed expression: object.n > 5']],
    ['is no boolean', { validations: [{ expression: 'object.n' }] }, ['failed expression: object.n']],
    ['whose condition is false', { ...fails, matchConditions: [{ name: 'a', expression: 'false' }] }, []],
    [
      'with a message that breaks the line',
      {
        validations: [
          { ...fails.validations[0], expression: 'false', messageExpression: '"a\\nb"', message: 'c' },
        ],
      },
      ['c'],
    ],
    [
      'with a variable that needs another',
      {
        variables: [
          { name: 'double', expression: 'object.n * 2' },
          { name: 'more', expression: 'variables.double + 1' },
        ],
        validations: [{ expression: 'variables.more == 7' }],
      },
      [],
    ],
  ])('%s', (_what, spec, expected) => {
    expect(messages(spec)).toEqual(expected);
  });

  it('with variables in a circle, or without an end, fails instead of running on', () => {
    const variables = [
      { name: 'a', expression: 'variables.b' },
      { name: 'b', expression: 'variables.a' },
    ];
    expect(messages({ variables, validations: [{ expression: 'variables.a == 1' }] })[0]).toContain(
      'composited variable "a" fails to evaluate',
    );
    const range = `[${Array.from({ length: 200 }, (_, index) => index).join(',')}]`;
    const expression = `${range}.all(a, ${range}.all(b, ${range}.all(c, a + b + c >= 0)))`;
    const [endless] = messages({ validations: [{ expression }] });
    expect(endless).toContain('cost budget');
  });

  it('ignores errors when it says so, but not what is false', () => {
    const validations = [{ expression: 'object.none > 1' }, { expression: 'false' }];
    expect(messages({ validations })).toHaveLength(2);
    expect(messages({ validations, failurePolicy: 'Ignore' })).toEqual(['failed expression: false']);
  });

  it('tells the audit log', () => {
    const auditAnnotations = [
      { key: 'size', valueExpression: '"n is " + string(object.n)' },
      { key: 'none', valueExpression: 'null' },
    ];
    expect([...decide({ auditAnnotations }, { object }).annotations]).toEqual([['size', 'n is 3']]);
  });
});
