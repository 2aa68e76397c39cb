import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { type Controller, keyOf, source } from './controller.ts';
import { ApiError, PatchbayError } from './errors.ts';
import { settle } from './fake-clock.ts';
import { FakeWorld } from './fake-world.ts';
import type { Log } from './log.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const logged: string[] = [];
const log: Log = {
  debug: (_fields, message) => logged.push(`debug ${message}`),
  info: (_fields, message) => logged.push(`info ${message}`),
  warn: (_fields, message) => logged.push(`warn ${message}`),
  error: (_fields, message) => logged.push(`error ${message}`),
};

async function running(reconcile: Controller['reconcile'], workers?: number): Promise<FakeWorld> {
  logged.length = 0;
  const world = new FakeWorld(
    (factory) => [
      {
        name: 'test',
        ...(workers === undefined ? {} : { workers }),
        sources: [source(factory.informer(configMap), ({ object }) => [keyOf(object)])],
        reconcile,
      },
    ],
    log,
  );
  open.push(world);
  await world.add(configMap, { metadata: { name: 'a', namespace: 'default' } });
  return world.start();
}

describe('runControllers', () => {
  it('looks at everything there, and again when asked', async () => {
    const keys: string[] = [];
    const world = await running(async (key) => {
      keys.push(key);
      return keys.length < 3 ? { requeueAfter: 1000 } : undefined;
    });
    await world.run(10_000);
    expect(keys).toEqual(['default/a', 'default/a', 'default/a']);
  });

  it.each([
    ['an error', new Error('boom'), 3, 'warn pass failed'],
    ['a retryable error', new PatchbayError('X', 'later'), 3, 'warn pass failed'],
    ['a conflict', new ApiError({ code: 409 }), 3, 'debug somebody else wrote first; looks again'],
    [
      'an error only another input can mend',
      new PatchbayError('X', 'no', { retryable: false }),
      1,
      'error pass failed; waits for another input',
    ],
    ['a refusal', new ApiError({ code: 422 }), 1, 'error pass failed; waits for another input'],
  ])('after %s', async (_name, error, passes, line) => {
    let count = 0;
    const world = await running(async () => {
      count += 1;
      if (count < 3) {
        throw error;
      }
      return undefined;
    });
    await world.run(10_000);
    expect([count, logged.includes(line)]).toEqual([passes, true]);
  });

  it('never works on one key twice at once, however many workers there are', async () => {
    let [now, most, passes] = [0, 0, 0];
    const world = await running(async () => {
      now += 1;
      passes += 1;
      most = Math.max(most, now);
      await settle();
      now -= 1;
      return undefined;
    }, 4);
    for (let i = 0; i < 5; i += 1) {
      const patch = { type: 'merge', body: { data: { i: String(i) } } } as const;
      await world.client.patch(configMap, { name: 'a', namespace: 'default' }, patch);
      await world.run();
    }
    expect([most, passes >= 2]).toEqual([1, true]);
  });
});
