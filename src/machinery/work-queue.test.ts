import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { WorkQueue } from './work-queue.ts';

describe('WorkQueue', () => {
  it('hands a key out once however often it was added', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect([await queue.next(), await queue.next(), queue.length]).toEqual(['a', 'b', 0]);
  });

  it('gives a key added during its own pass back after the pass, not before', async () => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.next();
    queue.add('a');
    queue.add('a');
    expect(queue.length).toBe(0);
    queue.done('a');
    expect(await queue.next()).toBe('a');
    queue.done('a');
    expect(queue.length).toBe(0);
  });

  it('keeps the earliest of several delays', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    queue.addAfter('a', 500);
    queue.addAfter('a', 100);
    queue.addAfter('a', 300);
    await clock.advance(99);
    expect(queue.length).toBe(0);
    await clock.advance(1);
    expect([queue.length, clock.pending]).toEqual([1, 0]);
  });

  it('doubles the delay of a failing key up to a minute, and starts anew after a success', () => {
    const queue = new WorkQueue({ clock: new FakeClock() });
    const delays = Array.from({ length: 15 }, () => queue.retry('a'));
    expect(delays.slice(0, 4)).toEqual([10, 20, 40, 80]);
    expect(delays.at(-1)).toBe(60_000);
    queue.forget('a');
    expect(queue.retry('a')).toBe(10);
  });

  it('wakes waiting workers when it is closed and drops what waits', async () => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const waiting = [queue.next(), queue.next()];
    queue.addAfter('a', 100);
    queue.close();
    queue.add('b');
    expect(await Promise.all([...waiting, queue.next()])).toEqual([undefined, undefined, undefined]);
    expect(clock.pending).toBe(0);
  });
});
