import { expect, test } from 'vitest';
import { isLinearizable, type Operation } from './linearizable.ts';

const op = (
  kind: Operation['kind'],
  value: string | undefined,
  [start, end]: readonly [number, number],
  more: Partial<Operation> = {},
): Operation => ({ kind, value, result: 'done', start, end, ...more });

test('what overlaps may have happened in either order, what does not may not', () => {
  const create = op('create', 'a', [0, 1]);
  const put = op('put', 'b', [2, 6]);
  expect(isLinearizable([create, put, op('get', 'a', [3, 4]), op('get', 'b', [4.5, 5])])).toBe(true);
  expect(isLinearizable([create, put, op('get', 'b', [3, 4]), op('get', 'a', [4.5, 5])])).toBe(false);
  expect(isLinearizable([create, put, op('get', 'a', [7, 8])])).toBe(false);
  expect(isLinearizable([create, op('get', undefined, [0.5, 2])])).toBe(true);
  expect(isLinearizable([create, op('get', undefined, [1.5, 2])])).toBe(false);
});

test('compare-and-set happens for one only', () => {
  const create = op('create', 'a', [0, 1]);
  const cas = (value: string, result: Operation['result'] = 'done') =>
    op('cas', value, [2, 3], { expected: 'a', result });
  expect(isLinearizable([create, cas('b'), cas('c', 'refused')])).toBe(true);
  expect(isLinearizable([create, cas('b'), cas('c')])).toBe(false);
  expect(isLinearizable([create, cas('b', 'refused')])).toBe(false);
});

test('a write without an answer may have happened at any time, or never, but once', () => {
  const create = op('create', 'a', [0, 1]);
  const put = op('put', 'b', [2, Number.POSITIVE_INFINITY], { result: 'unknown' });
  const get = (value: string, at: number) => op('get', value, [at, at + 0.5]);
  expect(isLinearizable([create, put, get('a', 8)])).toBe(true);
  expect(isLinearizable([create, put, get('a', 8), get('b', 9)])).toBe(true);
  expect(isLinearizable([create, put, get('b', 8), get('a', 9)])).toBe(false);
  expect(isLinearizable([create, put, get('c', 8)])).toBe(false);
});

test('long histories with many at once are searched in reasonable time', () => {
  const operations = [op('create', 'v0', [0, 1])];
  for (let at = 1; at < 300; at++) {
    operations.push(
      op('put', `v${at}`, [at * 10, at * 10 + 25]),
      op('get', `v${at}`, [at * 10 + 5, at * 10 + 26]),
    );
  }
  expect(isLinearizable(operations)).toBe(true);
  expect(isLinearizable([...operations, op('get', 'v1', [9_000, 9_001])])).toBe(false);
});
