import { afterEach, describe, expect, it } from 'vitest';
import { lease } from '#api/coordination.k8s.io/lease.ts';
import { FakeApiClient } from './fake-api-client.ts';
import { FakeClock } from './fake-clock.ts';
import { keepLease, runAsLeader } from './lease.ts';
import { silentLog as log } from './log.ts';

const key = { name: 'patchbay', namespace: 'kube-system' };
const stops: AbortController[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) {
    stop.abort();
  }
});

function newStop(): AbortController {
  const stop = new AbortController();
  stops.push(stop);
  return stop;
}

describe('keepLease', () => {
  it('makes the lease and renews it four times in its life', async () => {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    const stop = newStop();
    void keepLease(client, { key, holder: 'node1', durationSeconds: 40, log, clock }, stop.signal);
    await clock.advance(35_000);
    expect((await client.get(lease, key)).spec).toEqual({
      holderIdentity: 'node1',
      leaseDurationSeconds: 40,
      renewTime: '2026-01-01T00:00:30.000000Z',
    });
    expect(client.writes.map(({ verb }) => verb)).toEqual(['create', 'patch', 'patch', 'patch']);
  });

  it('tries again after a second when the server is away', async () => {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    client.intercept = () => {
      throw new Error('away');
    };
    void keepLease(client, { key, holder: 'node1', durationSeconds: 40, log, clock }, newStop().signal);
    await clock.advance(500);
    client.intercept = undefined;
    await clock.advance(1000);
    expect((await client.get(lease, key)).spec?.holderIdentity).toBe('node1');
  });
});

describe('runAsLeader', () => {
  function candidate(client: FakeApiClient, clock: FakeClock, holder: string, leaders: Set<string>) {
    const stop = newStop();
    const lead = (signal: AbortSignal): Promise<void> =>
      new Promise((resolve) => {
        leaders.add(holder);
        signal.addEventListener('abort', () => {
          leaders.delete(holder);
          resolve();
        });
      });
    const over = runAsLeader(client, { key, holder, durationSeconds: 16, log, clock }, lead, stop.signal);
    return { stop, over };
  }

  it('lets one lead, and the other when the first ends', async () => {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    const leaders = new Set<string>();
    const a = candidate(client, clock, 'a', leaders);
    await clock.advance(1000);
    candidate(client, clock, 'b', leaders);
    await clock.advance(120_000);
    expect([...leaders]).toEqual(['a']);
    a.stop.abort();
    await a.over;
    await clock.advance(3000);
    expect([...leaders]).toEqual(['b']);
  });

  it('never lets two lead when the first is cut off, and moves on when its lease has run out', async () => {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    const other = new FakeApiClient(clock);
    const leaders = new Set<string>();
    // The first one's requests hang from now on; the second shares the server's state.
    const update = client.update.bind(client);
    candidate(client, clock, 'a', leaders);
    await clock.advance(1000);
    expect([...leaders]).toEqual(['a']);
    Object.assign(other, {
      get: client.get.bind(client),
      create: client.create.bind(client),
      update,
    });
    client.update = () => new Promise(() => undefined);
    candidate(other, clock, 'b', leaders);
    const history: string[] = [];
    for (let second = 0; second < 30; second += 1) {
      await clock.advance(1000);
      history.push([...leaders].toSorted().join('+'));
    }
    expect(history.some((one) => one.includes('+'))).toBe(false);
    expect(history.at(-1)).toBe('b');
    expect(history.includes('')).toBe(true);
  });

  it('steps down when somebody else wrote the lease', async () => {
    const clock = new FakeClock();
    const client = new FakeApiClient(clock);
    const leaders = new Set<string>();
    candidate(client, clock, 'a', leaders);
    await clock.advance(1000);
    await client.patch(lease, key, { type: 'merge', body: { spec: { holderIdentity: 'thief' } } });
    await clock.advance(5000);
    expect([...leaders]).toEqual([]);
  });
});
