import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Store } from './store.ts';
import type { Subscription } from './subscription.ts';

/** What a store must do, in the plainest way: every event ever, never forgotten except by `compacted`. */
interface Event {
  readonly revision: number;
  readonly name: string;
  readonly value: string;
  readonly deleted: boolean;
  readonly previous: string | undefined;
}

interface Reader {
  readonly subscription: Subscription;
  from: number;
}

type Step =
  | {
      readonly kind: 'write';
      readonly names: readonly number[];
      readonly delete: boolean;
      readonly wrong: boolean;
    }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'compact'; readonly back: number }
  | { readonly kind: 'subscribe'; readonly back: number }
  | { readonly kind: 'read'; readonly limit: number }
  | { readonly kind: 'list'; readonly back: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        names: fc.array(fc.nat(4), { minLength: 1, maxLength: 5 }),
        delete: fc.boolean(),
        wrong: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('compact' as const), back: fc.nat(12) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('subscribe' as const), back: fc.nat(20) }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('read' as const), limit: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('list' as const), back: fc.nat(20) }) },
  ),
  { maxLength: 40 },
);

class Run {
  readonly path: string;
  readonly events: Event[] = [];
  readers: Reader[] = [];
  compacted = 0;
  store: Store;

  constructor(path: string) {
    this.path = path;
    this.store = this.open();
  }

  open(): Store {
    return new Store({ path: this.path, window: 4, texts: 9 });
  }

  stateAt(revision: number): Map<string, Event> {
    const state = new Map<string, Event>();
    for (const event of this.events.filter((each) => each.revision <= revision)) {
      if (event.deleted) {
        state.delete(event.name);
      } else {
        state.set(event.name, event);
      }
    }
    return state;
  }

  async write(step: Extract<Step, { kind: 'write' }>): Promise<void> {
    const writes = step.names.map((number, at) => {
      const name = `n${number}`;
      const current = this.stateAt(Infinity).get(name);
      const deleting = step.delete && at % 2 === 0;
      const expected = step.wrong && at === 0 ? 1e9 : (current?.revision ?? 0);
      const refused = expected === 1e9 || (deleting && current === undefined);
      const key = { resource: 'r', namespace: 'a', name };
      const promise = this.store[deleting ? 'delete' : 'put']({
        key,
        expected,
        encode: (revision) => `v${revision}`,
      });
      if (!refused) {
        const revision = (this.events.at(-1)?.revision ?? 0) + 1;
        this.events.push({
          revision,
          name,
          value: `v${revision}`,
          deleted: deleting,
          previous: current?.value,
        });
      }
      return promise.then(
        (entry) => expect([refused, entry.revision]).toEqual([false, expect.any(Number)]),
        (error) => expect([refused, String(error)]).toEqual([true, expect.any(String)]),
      );
    });
    await Promise.all(writes);
  }

  async apply(step: Step): Promise<void> {
    const now = this.events.at(-1)?.revision ?? 0;
    switch (step.kind) {
      case 'write':
        return this.write(step);
      case 'reopen':
        this.store.close();
        this.store = this.open();
        this.readers = [];
        return;
      case 'compact':
        this.compacted = Math.max(this.compacted, now - step.back, 0);
        await this.store.compact(now - step.back, undefined, 3);
        return;
      case 'subscribe':
        return this.subscribe(Math.max(0, now - step.back));
      case 'read':
        for (const reader of this.readers) {
          this.read(reader, step.limit);
        }
        return;
      case 'list':
        return this.list(Math.max(0, now - step.back));
    }
  }

  subscribe(from: number): void {
    if (from < this.compacted) {
      expect(() => this.store.subscribe('r', from, () => undefined)).toThrow(/too old/);
      return;
    }
    this.readers.push({ subscription: this.store.subscribe('r', from, () => undefined), from });
  }

  read(reader: Reader, limit: number): void {
    if (reader.subscription.revision < this.compacted) {
      expect(() => reader.subscription.read(limit)).toThrow(/too old/);
      return;
    }
    const got = reader.subscription.read(limit);
    const rest = this.events.filter((event) => event.revision > reader.from);
    expect(got.length > 0 || rest.length === 0).toBe(true);
    expect(
      got.map(({ revision, name, value, deleted, previous }) => ({
        revision,
        name,
        value,
        deleted,
        previous: previous?.value,
      })),
    ).toEqual(rest.slice(0, got.length));
    reader.from = got.at(-1)?.revision ?? reader.from;
  }

  list(revision: number): void {
    const query = { resource: 'r', revision };
    if (revision < this.compacted) {
      expect(() => [...this.store.list(query)]).toThrow();
      return;
    }
    const wanted = [...this.stateAt(revision).values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect([...this.store.list(query)].map((entry) => entry.value)).toEqual(
      wanted.map((event) => event.value),
    );
  }
}

test('any sequence of writes, reads, watches, compactions and restarts agrees with the model', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const directory = mkdtempSync(join(tmpdir(), 'patchbay-model-'));
      const run = new Run(join(directory, 'store.db'));
      try {
        for (const step of sequence) {
          await run.apply(step);
        }
        run.list(run.store.revision);
        expect(run.store.revision).toBe(run.events.at(-1)?.revision ?? 0);
      } finally {
        run.store.close();
        rmSync(directory, { recursive: true });
      }
    }),
    { numRuns: 60 },
  );
}, 30_000);
