import { expect, test } from 'vitest';
import { SilentConnections } from './silent.ts';

test('the oldest silent connections are cut when there are too many and they had time', () => {
  let now = 0;
  const cut: number[] = [];
  const silent = new SilentConnections({ limit: 2, patienceMs: 100 }, () => now);
  const connections = [0, 1, 2, 3, 4].map((number) => ({ destroy: () => cut.push(number) }));
  const add = (number: number): void => silent.add(connections[number] ?? { destroy: () => undefined });
  add(0);
  add(1);
  now = 50;
  add(2); // one too many, none had its time
  expect(cut).toEqual([]);
  silent.delete(connections[0] ?? { destroy: () => undefined }); // it asked
  now = 120;
  add(3);
  expect(cut).toEqual([1]);
  now = 400;
  add(4);
  expect(cut).toEqual([1, 2]);
});
