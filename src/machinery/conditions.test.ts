import { describe, expect, it } from 'vitest';
import type { Condition } from '#api/meta.ts';
import { findCondition, hasCondition, removeCondition, setCondition } from './conditions.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const [early, late] = ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'];
const list: readonly Condition[] = [
  { type: 'A', status: 'True', reason: 'Yes', lastTransitionTime: early },
  { type: 'B', status: 'False', lastTransitionTime: early, lastHeartbeatTime: early },
];

describe('conditions', () => {
  it('appends a new one with its time', () => {
    expect(setCondition(undefined, { type: 'A', status: 'True' }, start)).toEqual([
      { type: 'A', status: 'True', lastTransitionTime: early },
    ]);
  });

  it.each([
    ['status moves the time', { type: 'A', status: 'False', reason: 'No' }, late],
    ['another reason does not', { type: 'A', status: 'True', reason: 'Still' }, early],
  ] as const)('%s, and order stays', (_name, claim, time) => {
    const set = setCondition(list, claim, start + 60_000);
    expect(set.map(({ type }) => type)).toEqual(['A', 'B']);
    expect(set[0]).toMatchObject({ ...claim, lastTransitionTime: time });
  });

  it('returns the same list when nothing changes', () => {
    expect(setCondition(list, { type: 'B', status: 'False' }, start + 60_000)).toBe(list);
    expect(removeCondition(list, 'C')).toBe(list);
    expect(removeCondition(list, 'A')).toEqual([list[1]]);
  });

  it('finds and asks', () => {
    expect(findCondition(list, 'A')?.reason).toBe('Yes');
    expect([hasCondition(list, 'A'), hasCondition(list, 'B'), hasCondition(list, 'B', 'False')]).toEqual([
      true,
      false,
      true,
    ]);
    expect(hasCondition(undefined, 'A')).toBe(false);
  });
});
