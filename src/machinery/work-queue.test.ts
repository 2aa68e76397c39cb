import { describe, expect, it } from 'vitest';
import { FakeClock } from './fake-clock.ts';
import { QueueMetrics } from './queue-metrics.ts';
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

  it('tells how many keys came, wait and come back, and how long they took', async () => {
    const metrics = new QueueMetrics();
    const figures = () => metrics.all.map((metric) => metric.render()).join('');
    const figure = (name: string) =>
      Number(new RegExp(`^workqueue_${name}{name="q"} (.*)$`, 'm').exec(figures())?.[1] ?? 0);
    const counted = () =>
      [
        'adds_total',
        'depth',
        'retries_total',
        'queue_duration_seconds_count',
        'work_duration_seconds_count',
      ].map(figure);
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, observer: metrics.observer('q') });
    queue.add('a');
    queue.add('a');
    queue.add('b');
    expect(counted()).toEqual([2, 2, 0, 0, 0]);
    await queue.next();
    queue.add('a');
    queue.add('a');
    expect(counted()).toEqual([3, 2, 0, 1, 0]);
    expect(figure('unfinished_work_seconds')).toBeGreaterThan(0);
    queue.done('a');
    expect(counted()).toEqual([3, 2, 0, 1, 1]);
    await queue.next();
    await queue.next();
    queue.retry('b');
    expect(counted()).toEqual([3, 0, 1, 3, 1]);
    queue.done('a');
    queue.done('b');
    expect([counted(), figure('longest_running_processor_seconds')]).toEqual([[3, 0, 1, 3, 3], 0]);
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
