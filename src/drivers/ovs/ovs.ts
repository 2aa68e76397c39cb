import { isDeepStrictEqual } from 'node:util';
import type { Change } from '#drivers/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type Netns, NODE, type Outcome, resourceId } from '#node-state/resource.ts';
import { OvsdbClient } from '#wire/ovsdb/client.ts';
import { optionalOf, type Row } from '#wire/ovsdb/codec.ts';
import { canonicalOvs, type OvsDriver, type OvsResource } from './driver.ts';
import { FlowKeeper } from './flow-keeper.ts';
import { PortLinks } from './port-links.ts';
import { OVS_TABLES, OvsView } from './view.ts';
import { type OvsOperation, OvsWriter, toError } from './writer.ts';

/** Settings of the driver. */
export interface OvsOptions {
  /** Remote of the node's database: `unix:/run/openvswitch/db.sock`. ovs-vswitchd's sockets lie in the same directory. */
  readonly db: string;
  /** Value of `external_ids:patchbay` of everything we make. */
  readonly tag: string;
  /** Told when something of ours was changed or removed by others, a port of ours lost or found its link, or came up too late. */
  readonly onChange?: (change: Change) => void;
  /** Told of what goes wrong outside `apply`: database away, flows that could not be put back. */
  readonly onError?: (error: Error) => void;
  /** Milliseconds that ovs-vswitchd may take over a batch; default 5,000. */
  readonly timeoutMs?: number;
}

/** Connects to the node's Open vSwitch in the background; calls wait for the database within their time limit. */
export function openOvs(options: OvsOptions): OvsDriver {
  return new RealOvs(options);
}

/** Milliseconds that ovn-controller may take over a port; in bursts it takes longer, and is asked again. */
const boundMs = 2_000;

class RealOvs implements OvsDriver {
  readonly kinds = ['ovs-bridge', 'ovs-port', 'ovs-mappings'] as const;
  readonly #options: OvsOptions;
  readonly #client: OvsdbClient;
  readonly #view: OvsView;
  readonly #end = new AbortController();
  readonly #writer: OvsWriter;
  readonly #flows: FlowKeeper;
  readonly #links: PortLinks;
  /** What we believe to be there: where the copy says otherwise, somebody else was at work. */
  #believed = new Map<string, OvsResource>();
  #queue: Promise<unknown> = Promise.resolve();
  #isApplying = false;
  /** Ports that somebody waited for in vain. */
  readonly #givenUp = new Set<string>();

  constructor(options: OvsOptions) {
    this.#options = options;
    this.#client = new OvsdbClient({
      remote: options.db,
      database: 'Open_vSwitch',
      tables: OVS_TABLES,
      signal: this.#end.signal,
      onDisconnect: (error) => options.onError?.(error),
    });
    this.#view = new OvsView((name) => this.#client.table(name), options.tag);
    this.#writer = new OvsWriter(this.#client, this.#view, options.timeoutMs ?? 5_000);
    this.#links = new PortLinks(this.#view);
    this.#flows = new FlowKeeper({
      view: this.#view,
      db: options.db,
      signal: this.#end.signal,
      onReturn: (bridge) => this.#syncLater([bridge]),
    });
    void this.#client.ready.then(
      () => this.#start(),
      () => undefined, // Disposed before the database was reached.
    );
  }

  async observe(scope: Netns): Promise<readonly OvsResource[]> {
    if (scope !== NODE) {
      return [];
    }
    await this.#client.waitFor(() => this.#client.connected || undefined);
    return this.#view.resources();
  }

  apply(operations: readonly OvsOperation[]): Promise<readonly Outcome<OvsResource>[]> {
    return this.#serially(() => this.#applyBatch(operations));
  }

  async bound(ports: readonly string[]): Promise<void> {
    const missing = (): readonly string[] => ports.filter((port) => !this.#view.isBound(port));
    try {
      await this.#client.waitFor(() => missing().length === 0 || undefined, boundMs);
    } catch (cause) {
      for (const port of missing()) this.#givenUp.add(port);
      throw new PatchbayError(
        'PortNotBound',
        `ovn-controller has not put up port ${missing().join(', ')} within ${boundMs} ms; is it running, and does it reach the southbound database?`,
        { cause },
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#queue;
  }

  #start(): void {
    this.#believed = new Map(this.#view.resources().map((resource) => [resourceId(resource), resource]));
    this.#links.adopt([]);
    this.#client.subscribe(() => {
      this.#tellBound();
      this.#noticed();
    });
    this.#syncLater(this.#flows.bridges());
  }

  /** Whoever gave up waiting for a port learns that it is up after all. */
  #tellBound(): void {
    const bound = [...this.#givenUp].filter((port) => this.#view.isBound(port));
    for (const port of this.#givenUp) {
      if (bound.includes(port) || this.#view.interface(port) === undefined) this.#givenUp.delete(port);
    }
    if (bound.length > 0) {
      this.#options.onChange?.({ scope: NODE });
    }
  }

  async #applyBatch(operations: readonly OvsOperation[]): Promise<readonly Outcome<OvsResource>[]> {
    const errors = new Map<OvsOperation, Error>();
    this.#isApplying = true;
    try {
      await this.#client.waitFor(() => this.#client.connected || undefined);
      const before = this.#flows.bridges();
      await this.#writer.transact(operations, errors);
      await this.#checkPorts(operations, errors);
      await this.#syncBridges(new Set([...before, ...this.#flows.bridges()]), operations, errors);
    } catch (error) {
      for (const operation of operations) {
        errors.set(operation, errors.get(operation) ?? toError(error));
      }
    } finally {
      this.#isApplying = false;
      this.#believe(operations, errors);
      this.#links.adopt(operations.map((operation) => nameOf(operation)));
      this.#noticed();
    }
    return operations.map((operation) => {
      const error = errors.get(operation);
      return error === undefined ? { operation } : { operation, error };
    });
  }

  /** A port whose link Open vSwitch could not open is an error; a port just made is taken back, so that no wreck stays. */
  async #checkPorts(operations: readonly OvsOperation[], errors: Map<OvsOperation, Error>): Promise<void> {
    const wrecks: OvsOperation[] = [];
    for (const operation of operations) {
      if (operation.op === 'delete' || operation.to.kind !== 'ovs-port' || errors.has(operation)) {
        continue;
      }
      const error = portError(
        this.#view.interface(operation.to.name),
        operation.to.name,
        operation.to.bridge,
      );
      if (error === undefined) {
        continue;
      }
      errors.set(operation, error);
      if (operation.op === 'create' && !this.#believed.has(resourceId(operation.to))) {
        wrecks.push({ op: 'delete', from: operation.to });
      }
    }
    if (wrecks.length > 0) {
      await this.#writer.transact(wrecks, errors);
    }
  }

  async #syncBridges(
    bridges: Iterable<string>,
    operations: readonly OvsOperation[],
    errors: Map<OvsOperation, Error>,
  ): Promise<void> {
    for (const bridge of bridges) {
      try {
        await this.#flows.sync(bridge);
      } catch (error) {
        for (const operation of operations) {
          const port = operation.op === 'delete' ? operation.from : operation.to;
          if (port.kind === 'ovs-port' && port.bridge === bridge) {
            errors.set(operation, errors.get(operation) ?? toError(error));
          }
        }
      }
    }
  }

  /** Puts flows right outside a batch: at start and when ovs-vswitchd came back. */
  #syncLater(bridges: readonly string[]): void {
    void this.#serially(async () => {
      for (const bridge of bridges) {
        try {
          await this.#flows.sync(bridge);
        } catch (error) {
          this.#options.onError?.(toError(error));
        }
      }
    });
  }

  #believe(operations: readonly OvsOperation[], errors: ReadonlyMap<OvsOperation, Error>): void {
    const actual = new Map(this.#view.resources().map((resource) => [resourceId(resource), resource]));
    for (const operation of operations) {
      const id = resourceId(operation.op === 'delete' ? operation.from : operation.to);
      const now = errors.has(operation)
        ? actual.get(id)
        : operation.op === 'delete'
          ? undefined
          : canonicalOvs(operation.to);
      if (now === undefined) {
        this.#believed.delete(id);
      } else {
        this.#believed.set(id, now);
      }
    }
  }

  #noticed(): void {
    if (this.#isApplying || this.#end.signal.aborted) {
      return;
    }
    const actual = new Map(this.#view.resources().map((resource) => [resourceId(resource), resource]));
    const renewed = this.#links.takeChanges();
    if (isDeepStrictEqual(actual, this.#believed) && renewed === undefined) {
      return;
    }
    this.#believed = actual;
    void this.#serially(() => this.#reattach(renewed ?? []));
    this.#options.onChange?.({ scope: NODE });
    this.#syncLater(this.#flows.bridges());
  }

  /**
   * Gives ports whose link was made anew back their link: the netdev datapath keeps reading the socket of the link that
   * is gone (Open vSwitch 3.1), until the port itself goes and comes.
   */
  async #reattach(names: readonly string[]): Promise<void> {
    const ports = this.#view.resources().filter((r) => r.kind === 'ovs-port' && names.includes(r.name));
    if (ports.length === 0) {
      return;
    }
    this.#isApplying = true;
    try {
      const errors = new Map<OvsOperation, Error>();
      await this.#writer.transact(
        ports.map((from) => ({ op: 'delete', from })),
        errors,
        true,
      );
      await this.#writer.transact(
        ports.map((to) => ({ op: 'create', to })),
        errors,
      );
      for (const error of errors.values()) {
        this.#options.onError?.(error);
      }
    } catch (error) {
      this.#options.onError?.(toError(error));
    } finally {
      this.#isApplying = false;
      this.#links.adopt(names);
      this.#noticed();
    }
  }

  #serially<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#queue.then(task);
    this.#queue = done.then(
      () => undefined,
      () => undefined, // The caller has the error.
    );
    return done;
  }
}

function nameOf(operation: OvsOperation): string | undefined {
  const resource = operation.op === 'delete' ? operation.from : operation.to;
  return resource.kind === 'ovs-port' ? resource.name : undefined;
}

function portError(row: Row | undefined, name: string, bridge: string): Error | undefined {
  const text = row === undefined ? undefined : optionalOf(row, 'error');
  if (text === undefined) {
    return undefined;
  }
  return new PatchbayError(
    'PortFailed',
    `port ${name} of Open vSwitch bridge ${bridge}: ${text}; the link must exist in the network namespace of ovs-vswitchd before it becomes a port (ip link show ${name})`,
  );
}
