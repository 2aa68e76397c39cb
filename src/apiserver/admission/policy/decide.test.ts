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

  it('with variables in a circle fails instead of running on', () => {
    const variables = [
      { name: 'a', expression: 'variables.b' },
      { name: 'b', expression: 'variables.a' },
    ];
    expect(messages({ variables, validations: [{ expression: 'variables.a == 1' }] })[0]).toContain(
      'composited variable "a" fails to evaluate',
    );
  });

  describe('that costs too much', () => {
    const range = `[${Array.from({ length: 350 }, (_, index) => index).join(',')}]`;
    /** Nearly a million units. */
    const dear = `${range}.all(a, ${range}.all(b, a + b >= 0))`;
    const over = `${dear} && ${dear}`;
    const times = (count: number, expression: string) =>
      Array.from({ length: count }, () => ({ expression }));
    const limit = (expression: string) =>
      `expression '${expression}' resulted in error: operation cancelled: actual cost limit exceeded`;
    const budget =
      'validation failed due to running out of cost budget, no further validation rules will be run';

    it('in one expression, fails for that one', () => {
      const validations = [{ expression: over }, { expression: 'false' }];
      expect(messages({ validations })).toEqual([limit(over), 'failed expression: false']);
    });

    it('in all, fails altogether', () => {
      expect(messages({ validations: times(8, dear) })).toEqual([]);
      expect(messages({ validations: [{ expression: 'false' }, ...times(12, dear)] })).toEqual([budget]);
      expect(messages({ validations: times(12, dear), failurePolicy: 'Ignore' })).toEqual([]);
    });

    it('in a variable, has spent the budget all the same', () => {
      const names = Array.from({ length: 12 }, (_, index) => `v${index}`);
      const variables = names.map((name) => ({ name, expression: dear }));
      const [first = ''] = names;
      expect(messages({ variables, validations: [{ expression: `variables.${first}` }] })).toEqual([]);
      const expression = names.map((name) => `variables.${name}`).join(' && ');
      expect(messages({ variables, validations: [{ expression }] })).toEqual([budget]);
    });

    it('in messages, fails for every validation', () => {
      const said = { expression: 'false', messageExpression: `string(${dear})` };
      const validations = [...times(8, dear), said, said, said, said];
      expect(messages({ validations })).toEqual(validations.map(() => `failed messageExpression: ${budget}`));
    });

    it('in conditions, fails or does not match', () => {
      const matchConditions = times(4, dear).map((one, index) => ({ name: `c${index}`, ...one }));
      expect(messages({ ...fails, matchConditions: matchConditions.slice(0, 2) })).toHaveLength(1);
      expect(messages({ ...fails, matchConditions })).toEqual([budget]);
      expect(messages({ ...fails, matchConditions, failurePolicy: 'Ignore' })).toEqual([]);
    });

    it('in annotations, has no others', () => {
      const auditAnnotations = times(12, `string(${dear})`).map(({ expression }, index) => ({
        key: `k${index}`,
        valueExpression: expression,
      }));
      const { faults, annotations } = decide({ auditAnnotations }, { object });
      expect([faults.map(({ message }) => message), annotations.size]).toEqual([[budget], 0]);
    });
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
