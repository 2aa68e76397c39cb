/** Controllers on a fake API server and a fake clock: what their tests run in. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { Controller } from './controller.ts';
import type { ControllerDeps } from './deps.ts';
import { createEventRecorder } from './events.ts';
import { FakeApiClient } from './fake-api-client.ts';
import { FakeClock } from './fake-clock.ts';
import type { InformerFactory } from './informer.ts';
import { createInformerFactory } from './informer-factory.ts';
import { type Log, silentLog } from './log.ts';
import { runControllers } from './run-controllers.ts';

/** A world and what a test does to it. */
export class FakeWorld {
  readonly clock = new FakeClock();
  readonly client = new FakeApiClient(this.clock);
  readonly #make: (factory: InformerFactory, deps: ControllerDeps) => readonly Controller[];
  readonly #log: Log;
  #run: { readonly abort: AbortController; readonly over: Promise<void> } | undefined;

  constructor(
    make: (factory: InformerFactory, deps: ControllerDeps) => readonly Controller[],
    log: Log = silentLog,
  ) {
    this.#make = make;
    this.#log = log;
  }

  /** Starts the controllers, as a process does that has just been started. */
  async start(): Promise<this> {
    const { client, clock } = this;
    const abort = new AbortController();
    const factory = createInformerFactory(client, { clock, log: this.#log });
    const events = createEventRecorder(client, { component: 'test', clock });
    const controllers = this.#make(factory, { clock, log: this.#log, events });
    await factory.start(abort.signal);
    this.#run = { abort, over: runControllers(controllers, { signal: abort.signal, log: this.#log, clock }) };
    await this.run();
    return this;
  }

  /** Stops the controllers; what they knew and the API server does not is lost. */
  async stop(): Promise<void> {
    this.#run?.abort.abort();
    await this.#run?.over;
    this.#run = undefined;
  }

  /** Lets `ms` milliseconds pass. */
  async run(ms = 0): Promise<void> {
    // What one pass wrote comes back through the watch and causes the next one.
    for (let round = 0; round < 5; round += 1) {
      await this.clock.advance(0);
    }
    await this.clock.advance(ms);
    for (let round = 0; round < 5; round += 1) {
      await this.clock.advance(0);
    }
  }

  /** Writes accepted since the last call, as `verb Kind key[/subresource]`; Events are left out. */
  takeWrites(): readonly string[] {
    return this.client.writes
      .splice(0)
      .filter(({ kind }) => kind !== 'Event')
      .map(
        ({ verb, kind, key, subresource }) =>
          `${verb} ${kind} ${key}${subresource === undefined ? '' : ` ${subresource}`}`,
      );
  }

  /** Makes an object together with its status. */
  async add<T extends KubeObject & { readonly status?: unknown }>(kind: KindRef<T>, object: T): Promise<T> {
    const made = await this.client.create(kind, object);
    return object.status === undefined ? made : this.report(kind, made, object.status);
  }

  /** Merges into an object's status, as whoever observed it does. */
  report<T extends KubeObject>(kind: KindRef<T>, { metadata }: KubeObject, status: unknown): Promise<T> {
    const key = { name: metadata.name, namespace: metadata.namespace };
    return this.client.patch(kind, key, { type: 'merge', body: { status } }, { subresource: 'status' });
  }

  /** Reasons of the Events written so far. */
  async eventReasons(): Promise<readonly string[]> {
    const { event } = await import('#api/core/event.ts');
    const { items } = await this.client.list(event);
    return items.map(({ reason = '' }) => reason);
  }
}
