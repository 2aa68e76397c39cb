import { namespace as namespaceKind } from '#api/core/namespace.ts';
import { node as nodeKind } from '#api/core/node.ts';
import { pod as podKind } from '#api/core/pod.ts';
import { ipamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KubeObject } from '#api/meta.ts';
import type { NbResult, OvnDriver } from '#drivers/ovn/driver.ts';
import { openOvn } from '#drivers/ovn/ovn.ts';
import { type Clock, systemClock } from '#machinery/clock.ts';
import { messageOf } from '#machinery/errors.ts';
import { type EventRecorder, referable } from '#machinery/events.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { type Log, silentLog } from '#machinery/log.ts';
import { Annotator } from './annotator.ts';
import { ClaimWriter } from './claims.ts';
import { DEFAULT_NETWORK, type DefaultNetworkConfig } from './config.ts';
import { Settlement } from './settlement.ts';

/** What the fabric runs with. */
export interface FabricOptions extends Partial<DefaultNetworkConfig> {
  /** Its informers of nodes, pods and network definitions are asked for here; start the factory afterwards. */
  readonly factory: InformerFactory;
  /** The northbound database (`unix:/…/nb.sock`), or what opens a driver that calls `onChange` when others change our rows. */
  readonly ovnNb: string | ((onChange: () => void) => OvnDriver);
  /** Value of `external_ids:patchbay` of our rows; default `fabric`. */
  readonly tag?: string;
  readonly signal: AbortSignal;
  readonly log?: Log;
  readonly clock?: Clock;
  /** Tells users of pods that cannot be connected. */
  readonly events?: EventRecorder;
  /** Milliseconds for which changes are gathered into one transaction; default 2. */
  readonly windowMs?: number;
}

/** A running fabric. */
export interface Fabric {
  /** Resolves when everything known so far is in the database and in annotations; never while something fails. */
  settled(): Promise<void>;
  /** Resolves when it has stopped after `signal` aborted. */
  readonly done: Promise<void>;
}

/**
 * Gives nodes their subnets and pods their addresses on the default network, writes both as annotations, and keeps the
 * northbound rows that realise them. Annotation and row of a pod are written at the same time.
 * Throws PatchbayError `InvalidNetwork` for a configuration that cannot work.
 */
export function startFabric(options: FabricOptions): Fabric {
  return new DefaultNetworkFabric(options);
}

const BACKOFF = { first: 50, longest: 10_000 };

class DefaultNetworkFabric implements Fabric {
  readonly done: Promise<void>;
  readonly #options: FabricOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #annotator: Annotator;
  readonly #settlement: Settlement;
  readonly #ovn: OvnDriver;
  readonly #idle: (() => void)[] = [];
  /** The next pass compares all rows: at start, after a failure, and when others were at work. */
  #isFull = true;
  #isSynced = false;
  #isFlushing = false;
  #timer: { readonly due: number; readonly cancel: () => void } | undefined;
  #failures = 0;

  constructor(options: FabricOptions) {
    this.#options = options;
    this.#log = options.log ?? silentLog;
    this.#clock = options.clock ?? systemClock;
    this.#annotator = new Annotator({
      client: options.factory.client,
      log: this.#log,
      signal: options.signal,
      onFailure: (object) => {
        this.#settlement.mark(object);
        this.#schedule(backoff(this.#annotator.failures));
      },
      onIdle: () => this.#checkIdle(),
    });
    const { clusterNetwork, serviceNetwork, joinSubnets, mtu } = { ...DEFAULT_NETWORK, ...options };
    const claims = new ClaimWriter(options.factory.client, this.#log, this.#clock);
    this.#settlement = new Settlement({
      nodes: options.factory.informer(nodeKind),
      pods: options.factory.informer(podKind),
      nads: options.factory.informer(networkAttachmentDefinition),
      namespaces: options.factory.informer(namespaceKind),
      claims: options.factory.informer(ipamClaim),
      keep: (claim, place) => claims.write(claim, place),
      refuse: (claim, pod, reason, message) => claims.refuse(claim, pod, reason, message),
      tell: (pod, reason, message, event = 'ErrorAddingLogicalPort') =>
        options.events?.event(referable(podKind, pod), 'Warning', event, `${reason}: ${message}`),
      annotator: this.#annotator,
      config: { clusterNetwork, serviceNetwork, joinSubnets, mtu },
      log: this.#log,
    });
    this.#ovn = this.#open();
    this.done = this.#run();
  }

  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#checkIdle();
    });
  }

  #open(): OvnDriver {
    const { ovnNb, tag = 'fabric' } = this.#options;
    const onChange = (): void => {
      this.#isFull = true;
      this.#schedule();
    };
    if (typeof ovnNb !== 'string') {
      return ovnNb(onChange);
    }
    const onError = (error: Error): void =>
      this.#log.warn({ error: messageOf(error) }, 'northbound database is away');
    return openOvn({ nb: ovnNb, tag, onChange, onError });
  }

  async #run(): Promise<void> {
    const { signal, factory } = this.#options;
    const { promise: aborted, resolve } = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) {
      resolve();
    }
    const [nodes, pods] = [factory.informer(nodeKind), factory.informer(podKind)];
    const nads = factory.informer(networkAttachmentDefinition);
    const claims = factory.informer(ipamClaim);
    // Nothing may be given away before every annotation is known: they say what is taken.
    await Promise.race([
      aborted,
      Promise.all([
        nodes.synced,
        pods.synced,
        nads.synced,
        claims.synced,
        factory.informer(namespaceKind).synced,
      ]),
    ]);
    const mark = ({ object }: { readonly object: KubeObject }): void => {
      this.#settlement.mark(object);
      this.#schedule();
    };
    const markDefinition: Parameters<typeof nads.subscribe>[0] = ({ type, object, old }) => {
      if (type === 'updated' && object.spec?.config === old?.spec?.config) {
        return; // Its status, or what others wrote to it.
      }
      this.#settlement.markDefinition(object);
      this.#schedule();
    };
    const markClaim: Parameters<typeof claims.subscribe>[0] = ({ object }) => {
      this.#settlement.markClaim(object);
      this.#schedule();
    };
    const stops = [
      claims.subscribe(markClaim),
      nodes.subscribe(mark),
      pods.subscribe(mark),
      nads.subscribe(markDefinition),
    ];
    this.#isSynced = true;
    this.#schedule();
    await aborted;
    for (const stop of stops) {
      stop();
    }
    this.#timer?.cancel();
    await this.#ovn[Symbol.asyncDispose]();
  }

  #schedule(ms = this.#options.windowMs ?? 2): void {
    if (!this.#isSynced || this.#isFlushing || this.#options.signal.aborted) {
      return; // The pass under way looks for more when it ends.
    }
    const due = this.#clock.now() + ms;
    if (this.#timer !== undefined && this.#timer.due <= due) {
      return;
    }
    this.#timer?.cancel();
    const flush = (): void => {
      this.#timer = undefined;
      void this.#flush();
    };
    this.#timer = { due, cancel: this.#clock.setTimer(flush, ms) };
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    const hasFailed = !(await this.#pass());
    this.#isFlushing = false;
    if (hasFailed) {
      this.#isFull = true;
      this.#failures += 1;
      this.#schedule(backoff(this.#failures));
      return;
    }
    this.#failures = 0;
    if (this.#isFull || this.#settlement.isMarked) {
      this.#schedule(this.#annotator.failures > 0 ? backoff(this.#annotator.failures) : undefined);
    }
    this.#checkIdle();
  }

  /** One pass; false when rows could not be written. */
  async #pass(): Promise<boolean> {
    const isFull = this.#isFull;
    this.#isFull = false;
    try {
      const changes = this.#settlement.settle();
      if (!isFull && changes.put.length === 0 && changes.remove.length === 0) {
        return true;
      }
      const result = await (isFull
        ? this.#ovn.replace(this.#settlement.compose())
        : this.#ovn.apply(changes));
      this.#report(result);
      return result.failures.length === 0;
    } catch (error) {
      if (!this.#options.signal.aborted) {
        this.#log.warn({ error: messageOf(error) }, 'northbound rows could not be written; tries again');
      }
      return false;
    }
  }

  #report({ failures, ...counts }: NbResult): void {
    if (counts.transactions > 0) {
      this.#log.debug(counts, 'northbound rows written');
    }
    for (const { row, error } of failures) {
      this.#log.error({ ...row, error: messageOf(error) }, 'northbound row could not be written');
    }
  }

  #checkIdle(): void {
    const isBusy = !this.#isSynced || this.#isFlushing || this.#timer !== undefined || this.#annotator.isBusy;
    if (!isBusy && !this.#isFull) {
      for (const resolve of this.#idle.splice(0)) {
        resolve();
      }
    }
  }
}

/** Milliseconds before the next try after so many failures. */
function backoff(failures: number): number {
  return Math.min(BACKOFF.first * 2 ** (failures - 1), BACKOFF.longest);
}
