/** Leases: a node's heartbeat, and one leader among several control planes. */
import { type Lease, lease } from '#api/coordination.k8s.io/lease.ts';
import type { ApiClient, ObjectKey } from './api-client.ts';
import { type Clock, microTimestamp, sleep, systemClock } from './clock.ts';
import { isConflict, isNotFound, messageOf } from './errors.ts';
import type { Log } from './log.ts';

/** A lease and who wants it. */
export interface LeaseOptions {
  readonly key: ObjectKey;
  readonly holder: string;
  /** Seconds after which others may take an unrenewed lease. */
  readonly durationSeconds: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/**
 * Keeps the caller's own lease renewed every `durationSeconds / 4` until `signal` aborts; makes it when it is missing.
 * Never rejects: a renewal that fails is tried again after a second.
 */
export async function keepLease(
  client: ApiClient,
  options: LeaseOptions,
  signal: AbortSignal,
): Promise<void> {
  const { clock = systemClock, durationSeconds, log, key } = options;
  while (!signal.aborted) {
    try {
      await renewOwn(client, options, clock.now());
      await sleep((durationSeconds * 1000) / 4, signal, clock);
    } catch (error) {
      log.warn({ lease: key.name, error: messageOf(error) }, 'lease not renewed');
      await sleep(1000, signal, clock);
    }
  }
}

async function renewOwn(client: ApiClient, options: LeaseOptions, now: number): Promise<void> {
  const { key, holder, durationSeconds } = options;
  const spec = {
    holderIdentity: holder,
    leaseDurationSeconds: durationSeconds,
    renewTime: microTimestamp(now),
  };
  try {
    await client.patch(lease, key, { type: 'merge', body: { spec } });
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
    await client.create(lease, { metadata: { ...key }, spec });
  }
}

/**
 * Waits until this process holds the lease, then calls `lead` with a signal that aborts as soon as leadership is lost
 * or cannot be proved any more, and waits for the lease again. Every write carries the resource version that was read,
 * so of two that try only one wins; another's clock is never trusted, only how long its record has stood still here.
 */
export async function runAsLeader(
  client: ApiClient,
  options: LeaseOptions,
  lead: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { clock = systemClock, log, durationSeconds, key, holder } = options;
  const retry = (durationSeconds * 1000) / 8;
  const seen: Sighting = { version: undefined, at: 0 };
  while (!signal.aborted) {
    const held = await tryAcquire(client, options, seen, clock, signal);
    if (held === undefined) {
      await sleep(retry, signal, clock);
      continue;
    }
    log.info({ lease: key.name, holder }, 'leading');
    const term = new AbortController();
    const termSignal = AbortSignal.any([signal, term.signal]);
    const renewing = renewUntilLost(client, options, held, clock, termSignal).finally(() => term.abort());
    try {
      await lead(termSignal);
    } finally {
      term.abort();
      await release(client, key, await renewing, log);
    }
    log.info({ lease: key.name, holder }, 'no longer leading');
  }
}

interface Sighting {
  version: string | undefined;
  at: number;
}

async function tryAcquire(
  client: ApiClient,
  options: LeaseOptions,
  seen: Sighting,
  clock: Clock,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { key, holder, durationSeconds, log } = options;
  try {
    const current = await find(client, key);
    const now = clock.now();
    if (current === undefined) {
      return await client.create(lease, { metadata: { ...key }, spec: claim(options, now, 0) });
    }
    if (seen.version !== current.metadata.resourceVersion) {
      seen.version = current.metadata.resourceVersion;
      seen.at = now;
    }
    const {
      holderIdentity = '',
      leaseDurationSeconds = durationSeconds,
      leaseTransitions = 0,
    } = current.spec ?? {};
    const free = holderIdentity === '' || holderIdentity === holder;
    if (!free && now - seen.at < leaseDurationSeconds * 1000) {
      return undefined;
    }
    return await client.update(lease, { ...current, spec: claim(options, now, leaseTransitions + 1) });
  } catch (error) {
    if (!isConflict(error) && !signal.aborted) {
      log.warn({ lease: key.name, error: messageOf(error) }, 'lease not acquired');
    }
    return undefined;
  }
}

/** Renews until the signal aborts or the lease is lost; resolves with the last version held, undefined when lost. */
async function renewUntilLost(
  client: ApiClient,
  options: LeaseOptions,
  acquired: Lease,
  clock: Clock,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { key, holder, durationSeconds, log } = options;
  let held = acquired;
  let renewed = clock.now();
  for (;;) {
    await sleep((durationSeconds * 1000) / 4, signal, clock);
    if (signal.aborted) {
      return held;
    }
    const now = clock.now();
    // Give up well before others may take over, so that two never lead, even when a request hangs.
    const deadline = renewed + durationSeconds * 500;
    try {
      const spec = { ...held.spec, renewTime: microTimestamp(now) };
      const next = await orLate(client.update(lease, { ...held, spec }), deadline - now, clock);
      if (next === undefined) {
        return undefined;
      }
      held = next;
      renewed = now;
    } catch (error) {
      log.warn({ lease: key.name, holder, error: messageOf(error) }, 'leadership not renewed');
      if (isConflict(error) || clock.now() >= deadline) {
        return undefined;
      }
    }
  }
}

/** The promise's value, or undefined when it takes longer than `ms`. */
async function orLate<T>(promise: Promise<T>, ms: number, clock: Clock): Promise<T | undefined> {
  const over = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, over.signal, clock).then(() => undefined)]);
  } finally {
    over.abort();
  }
}

async function release(client: ApiClient, key: ObjectKey, held: Lease | undefined, log: Log): Promise<void> {
  if (held === undefined) {
    return;
  }
  try {
    await client.update(lease, { ...held, spec: { ...held.spec, holderIdentity: '' } });
  } catch (error) {
    log.debug({ lease: key.name, error: messageOf(error) }, 'lease not released; it expires');
  }
}

function claim(options: LeaseOptions, now: number, leaseTransitions: number): NonNullable<Lease['spec']> {
  const time = microTimestamp(now);
  return {
    holderIdentity: options.holder,
    leaseDurationSeconds: options.durationSeconds,
    acquireTime: time,
    renewTime: time,
    leaseTransitions,
  };
}

async function find(client: ApiClient, key: ObjectKey): Promise<Lease | undefined> {
  try {
    return await client.get(lease, key);
  } catch (error) {
    if (isNotFound(error)) {
      return undefined;
    }
    throw error;
  }
}
