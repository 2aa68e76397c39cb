import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { run } from '#drivers/command.ts';
import type { Change } from '#drivers/driver.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { type Netns, NODE, type Operation, type Outcome, resourceId } from '#node-state/resource.ts';
import { OvsdbClient } from '#wire/ovsdb/client.ts';
import { optionalOf, type Row, stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { TransactionError } from '#wire/ovsdb/transaction.ts';
import { canonicalOvs, FOREIGN_BRIDGES, type OvsDriver, type OvsResource } from './driver.ts';
import { composeFlows, cookieOf, formatReplacement, parseFlows } from './flows.ts';
import { OvsPlan } from './plan.ts';
import { watchPresence } from './switch-presence.ts';
import { ALLOWED_MAC, OVS_TABLES, OvsView } from './view.ts';

/** Settings of the driver. */
export interface OvsOptions {
  /** Remote of the node's database: `unix:/run/openvswitch/db.sock`. ovs-vswitchd's sockets lie in the same directory. */
  readonly db: string;
  /** Value of `external_ids:patchbay` of everything we make. */
  readonly tag: string;
  /** Told when something of ours was changed or removed by others, or a port of ours lost or found its link. */
  readonly onChange?: (change: Change) => void;
  /** Told of what goes wrong outside `apply`: database away, flows that could not be put back. */
  readonly onError?: (error: Error) => void;
  /** Milliseconds that ovs-vswitchd may take over a batch; default 5,000. */
  readonly timeoutMs?: number;
}

type OvsOperation = Operation<OvsResource>;

/** Connects to the node's Open vSwitch in the background; calls wait for the database within their time limit. */
export function openOvs(options: OvsOptions): OvsDriver {
  return new RealOvs(options);
}

class RealOvs implements OvsDriver {
  readonly kinds = ['ovs-bridge', 'ovs-port', 'ovs-mappings'] as const;
  readonly #options: OvsOptions;
  readonly #client: OvsdbClient;
  readonly #view: OvsView;
  readonly #end = new AbortController();
  readonly #cookie: string;
  /** Flows known to be in each bridge. */
  readonly #flows = new Map<string, readonly string[]>();
  readonly #watched = new Map<string, AbortController>();
  /** What we believe to be there: where the copy says otherwise, somebody else was at work. */
  #believed = new Map<string, OvsResource>();
  /** Kernel index of the link under each port of ours; 0 when it is gone. */
  #links = new Map<string, number>();
  #queue: Promise<unknown> = Promise.resolve();
  #isApplying = false;

  constructor(options: OvsOptions) {
    this.#options = options;
    this.#cookie = cookieOf(options.tag);
    this.#client = new OvsdbClient({
      remote: options.db,
      database: 'Open_vSwitch',
      tables: OVS_TABLES,
      signal: this.#end.signal,
      onDisconnect: (error) => options.onError?.(error),
    });
    this.#view = new OvsView((name) => this.#client.table(name), options.tag);
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#queue;
  }

  #start(): void {
    this.#believed = new Map(this.#view.resources().map((resource) => [resourceId(resource), resource]));
    this.#links = this.#observeLinks();
    this.#client.subscribe(() => this.#noticed());
    this.#syncLater(this.#bridgesOfOurs());
  }

  async #applyBatch(operations: readonly OvsOperation[]): Promise<readonly Outcome<OvsResource>[]> {
    const errors = new Map<OvsOperation, Error>();
    this.#isApplying = true;
    try {
      await this.#client.waitFor(() => this.#client.connected || undefined);
      const before = this.#bridgesOfOurs();
      await this.#transact(operations, errors);
      await this.#checkPorts(operations, errors);
      await this.#syncBridges(new Set([...before, ...this.#bridgesOfOurs()]), operations, errors);
    } catch (error) {
      for (const operation of operations) {
        errors.set(operation, errors.get(operation) ?? toError(error));
      }
    } finally {
      this.#isApplying = false;
      this.#believe(operations, errors);
      this.#adoptLinks(operations.map((operation) => nameOf(operation)));
      this.#noticed();
    }
    return operations.map((operation) => {
      const error = errors.get(operation);
      return error === undefined ? { operation } : { operation, error };
    });
  }

  /** All in one transaction; when the database refuses it, one by one, so that only the culprits fail. */
  async #transact(
    operations: readonly OvsOperation[],
    errors: Map<OvsOperation, Error>,
    isAwaited = false,
  ): Promise<void> {
    const plan = new OvsPlan(this.#view);
    plan.isAwaited = isAwaited;
    for (const operation of operations) {
      try {
        plan.add(operation);
      } catch (error) {
        errors.set(operation, toError(error));
      }
    }
    const planned = operations.filter((operation) => !errors.has(operation));
    const transaction = plan.finish();
    if (transaction.length === 0) {
      return;
    }
    try {
      const results = await this.#client.transact(transaction);
      if (results.some((result, i) => result.count === 0 && transaction[i]?.op !== 'wait')) {
        throw new PatchbayError(
          'Conflict',
          'a row was removed from the Open vSwitch database at the same time',
        );
      }
    } catch (error) {
      if (error instanceof TransactionError && planned.length > 1) {
        for (const operation of planned) {
          await this.#transact([operation], errors, isAwaited);
        }
        return;
      }
      for (const operation of planned) {
        errors.set(operation, toError(error));
      }
      return;
    }
    if (plan.isAwaited) {
      await this.#acknowledged();
    }
  }

  /** Waits until ovs-vswitchd has taken in what is in the database now. */
  async #acknowledged(): Promise<void> {
    const number = (column: string): number => Number(this.#view.root()?.[column] ?? 0);
    const wanted = number('next_cfg');
    const timeoutMs = this.#options.timeoutMs ?? 5_000;
    try {
      await this.#client.waitFor(() => number('cur_cfg') >= wanted || undefined, timeoutMs);
    } catch (cause) {
      throw new PatchbayError(
        'SwitchNotAnswering',
        `ovs-vswitchd did not take in a change within ${timeoutMs} ms; is it running? (ovs-appctl -t ovs-vswitchd version)`,
        { cause },
      );
    }
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
      await this.#transact(wrecks, errors);
    }
  }

  async #syncBridges(
    bridges: Iterable<string>,
    operations: readonly OvsOperation[],
    errors: Map<OvsOperation, Error>,
  ): Promise<void> {
    for (const bridge of bridges) {
      try {
        await this.#syncFlows(bridge);
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

  /** Makes our flows of a bridge those that its ports want; asks the switch only when we cannot know. */
  async #syncFlows(name: string): Promise<void> {
    const bridge = this.#view.bridge(name);
    if (bridge === undefined) {
      this.#flows.delete(name);
      this.#watched.get(name)?.abort();
      this.#watched.delete(name);
      return;
    }
    const wanted = composeFlows(this.#view, bridge, this.#cookie);
    if (wanted.length > 0) {
      this.#watchBridge(name);
    }
    const known = this.#flows.get(name) ?? (await this.#dumpFlows(name));
    if (!isDeepStrictEqual(known, wanted)) {
      this.#flows.delete(name);
      await run(['ovs-ofctl', '--bundle', 'add-flows', this.#management(name), '-'], {
        input: formatReplacement(wanted, this.#cookie),
        timeoutMs: 5_000,
      });
    }
    this.#flows.set(name, wanted);
  }

  async #dumpFlows(name: string): Promise<readonly string[]> {
    const argv = ['ovs-ofctl', '--no-names', '--no-stats', '-O', 'OpenFlow14'];
    const { stdout } = await run(
      [...argv, 'dump-flows', this.#management(name), `cookie=${this.#cookie}/-1`],
      {
        timeoutMs: 5_000,
      },
    );
    return parseFlows(stdout);
  }

  #watchBridge(name: string): void {
    if (this.#watched.has(name)) {
      return;
    }
    const end = new AbortController();
    this.#watched.set(name, end);
    const returned = (): void => {
      this.#flows.delete(name);
      this.#syncLater([name]);
    };
    watchPresence(
      this.#management(name).slice('unix:'.length),
      returned,
      AbortSignal.any([end.signal, this.#end.signal]),
    );
  }

  /** Puts flows right outside a batch: at start and when ovs-vswitchd came back. */
  #syncLater(bridges: readonly string[]): void {
    void this.#serially(async () => {
      for (const bridge of bridges) {
        try {
          await this.#syncFlows(bridge);
        } catch (error) {
          this.#options.onError?.(toError(error));
        }
      }
    });
  }

  #management(bridge: string): string {
    return `unix:${join(dirname(this.#options.db.slice('unix:'.length)), `${bridge}.mgmt`)}`;
  }

  /** Bridges that may hold flows of ours: those we made and those with a port we check. */
  #bridgesOfOurs(): readonly string[] {
    const names = new Set<string>();
    for (const row of this.#view.bridges()) {
      const name = stringOf(row, 'name');
      if (this.#view.isOurs(row) && !FOREIGN_BRIDGES.includes(name)) {
        names.add(name);
      }
    }
    for (const row of this.#view.ports()) {
      const bridge = this.#view.bridgeOf(row);
      if (
        bridge !== undefined &&
        this.#view.isOurs(row) &&
        stringMapOf(row, 'external_ids')[ALLOWED_MAC] !== undefined
      ) {
        names.add(stringOf(bridge, 'name'));
      }
    }
    return [...names];
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
    const links = this.#observeLinks();
    if (isDeepStrictEqual(actual, this.#believed) && isDeepStrictEqual(links, this.#links)) {
      return;
    }
    const renewed = [...links].filter(
      ([name, index]) => index > 0 && (this.#links.get(name) ?? index) !== index,
    );
    this.#believed = actual;
    this.#links = links;
    void this.#serially(() => this.#reattach(renewed.map(([name]) => name)));
    this.#options.onChange?.({ scope: NODE });
    this.#syncLater(this.#bridgesOfOurs());
  }

  #observeLinks(): Map<string, number> {
    const links = new Map<string, number>();
    for (const row of this.#view.ports()) {
      const local = this.#view.isOurs(row) ? this.#view.interface(stringOf(row, 'name')) : undefined;
      const index = local === undefined ? undefined : optionalOf(local, 'ifindex');
      if (local !== undefined && stringOf(local, 'type') === '' && typeof index === 'number') {
        links.set(stringOf(row, 'name'), index);
      }
    }
    return links;
  }

  /** Takes the links of ports that we just touched as they are; what happened to others meanwhile is still to be noticed. */
  #adoptLinks(names: readonly (string | undefined)[]): void {
    const now = this.#observeLinks();
    for (const name of new Set([...this.#links.keys(), ...now.keys()])) {
      const index = now.get(name);
      if (index === undefined) {
        this.#links.delete(name);
      } else if (names.includes(name) || !this.#links.has(name)) {
        this.#links.set(name, index);
      }
    }
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
      await this.#transact(
        ports.map((from) => ({ op: 'delete', from })),
        errors,
        true,
      );
      await this.#transact(
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
      this.#adoptLinks(names);
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

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(messageOf(error));
}
