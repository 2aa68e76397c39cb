import { beforeEach, expect, it } from 'vitest';
import { Fairness, type Turn } from './fairness.ts';

let now = 0;
let order: string[] = [];
beforeEach(() => {
  now = 0;
  order = [];
});

/** A request that takes `ms` of the thread and ends at once. */
const work = (name: string, ms: number) => (turn: Turn) => {
  now += ms;
  order.push(name);
  turn.end();
  return Promise.resolve(name);
};
const make = (limits = {}) => new Fairness({ turnMs: 8, queued: 3, refusalMs: 0, ...limits }, () => now);

it('runs at once what the thread has time for', () => {
  const fairness = make();
  void fairness.run('a', false, work('a', 2));
  void fairness.run('a', false, work('a', 2));
  expect([order, fairness.waiting]).toEqual([['a', 'a'], 0]);
});

it('lets who used least go first once the thread is busy', async () => {
  const fairness = make({ queued: 10 });
  const all = ['noisy', 'noisy', 'noisy', 'noisy', 'quiet', 'other'].map((name) =>
    fairness.run(name, false, work(name, 50)),
  );
  expect(order).toEqual(['noisy']);
  await Promise.all(all);
  expect(order.indexOf('quiet')).toBeLessThan(3);
  expect(order.indexOf('other')).toBeLessThan(4);
  expect(order).toHaveLength(6);
});

it('refuses with 429 and a time to come back when a client’s queue is full, but no exempt client', async () => {
  const fairness = make();
  const first = fairness.run('noisy', false, work('first', 50));
  const queued = [1, 2, 3].map(() => fairness.run('noisy', false, work('queued', 50)));
  await expect(fairness.run('noisy', false, work('refused', 1))).rejects.toMatchObject({
    code: 429,
    status: { reason: 'TooManyRequests', details: { retryAfterSeconds: 1 } },
  });
  const spared = [1, 2, 3, 4, 5].map(() => fairness.run('admin', true, work('exempt', 1)));
  await Promise.all([first, ...queued, ...spared]);
  expect([fairness.rejected, order.filter((name) => name === 'exempt')]).toEqual([
    1,
    new Array(5).fill('exempt'),
  ]);
});

it('starts no more for a client than it may have under way, and goes on when some of it ends', async () => {
  const fairness = make({ running: 1 });
  const { promise, resolve } = Promise.withResolvers<Turn>();
  void fairness.run('a', false, (turn) => {
    resolve(turn);
    return Promise.resolve();
  });
  const second = fairness.run('a', false, work('second', 1));
  const turn = await promise;
  await new Promise((done) => setImmediate(done));
  expect([order, fairness.waiting]).toEqual([[], 1]);
  turn.end();
  expect(await second).toBe('second');
});

it('starts no more for a client that has not read its answers, but for others', async () => {
  const fairness = make({ unread: 1_000 });
  const { promise, resolve } = Promise.withResolvers<Turn>();
  void fairness.run('slow', false, (turn) => {
    turn.answers(1_000);
    resolve(turn);
    return Promise.resolve();
  });
  const turn = await promise;
  const next = fairness.run('slow', false, work('slow', 1));
  await fairness.run('other', false, work('other', 1));
  expect(order).toEqual(['other']);
  turn.end();
  await next;
  expect(order).toEqual(['other', 'slow']);
});

it('passes on what a request failed with', async () => {
  const refused = make().run('a', false, () => Promise.reject(new RangeError('no')));
  await expect(refused).rejects.toThrow('no');
});

it('has pieces of long answers wait for others that used less, and then go before what waits to begin', async () => {
  const fairness = make({ queued: 10 });
  const { promise: begun, resolve: begin } = Promise.withResolvers<Turn>();
  void fairness.run('noisy', false, (turn) => {
    begin(turn);
    return Promise.resolve();
  });
  const turn = await begun;
  const piece = (name: string) =>
    turn.next(() => {
      now += 10;
      order.push(name);
    });
  const all = [
    piece('piece'),
    piece('next piece'),
    fairness.run('noisy', false, work('noisy', 1)),
    fairness.run('quiet', false, work('quiet', 1)),
  ];
  await Promise.all(all);
  expect(order).toEqual(['piece', 'quiet', 'next piece', 'noisy']);
});

it('passes on what a piece failed with', async () => {
  const failed = make().run('a', false, (turn) =>
    turn.next(() => {
      throw new RangeError('no piece');
    }),
  );
  await expect(failed).rejects.toThrow('no piece');
});
