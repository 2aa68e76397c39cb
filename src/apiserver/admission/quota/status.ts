/** `status` of quotas: what is limited and used, written after each commit that changed it (kubernetes `pkg/controller/resourcequota`). */
import { amountOf, amountText } from '#api/amount.ts';
import type { ResourceQuota } from '#api/core/resource-quota.ts';
import { ApiError, messageOf } from '#machinery/errors.ts';
import { StoreError } from '#store/errors.ts';
import { internalCall, internalOptions } from '../../internal-call.ts';
import type { Log } from '../../log.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { Services } from '../../registry/call.ts';
import type { ApiObject } from '../../registry/objects.ts';
import { update } from '../../registry/update.ts';
import type { Quotas } from './resource-quota.ts';
import type { UsageTracker } from './tracker.ts';

const options = { ...internalOptions, fieldManager: 'kube-controller-manager' };

export class QuotaStatus {
  readonly #services: Services;
  readonly #log: Log;
  readonly #dirty = new Set<string>();
  #tracker: UsageTracker | undefined;
  #quotas: () => Quotas = () => new Map();
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(services: Services, log: Log) {
    this.#services = services;
    this.#log = log;
  }

  /** Starts with every quota there is, and follows them. */
  follow(tracker: UsageTracker, quotas: () => Quotas): void {
    this.#tracker = tracker;
    this.#quotas = quotas;
    this.#services.store.observe('resourcequotas', ({ namespace }) => {
      tracker.keepOnly(new Set(this.#quotas().keys()));
      this.touch(namespace);
    });
    for (const namespace of quotas().keys()) {
      this.touch(namespace);
    }
  }

  /** Something changed in a namespace. */
  touch(namespace: string): void {
    this.#dirty.add(namespace);
    this.#running ??= new Promise<void>((resolve) => {
      setImmediate(resolve);
    }).then(() => this.#run());
  }

  /** Resolves when nothing more is written. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#dirty.size > 0 && !this.#closed) {
      const namespaces = [...this.#dirty];
      this.#dirty.clear();
      const quotas = namespaces.flatMap((namespace) => this.#quotas().get(namespace) ?? []);
      await Promise.all(quotas.map((quota) => this.#write(quota)));
    }
    this.#running = undefined;
  }

  async #write(quota: ResourceQuota): Promise<void> {
    const { name, namespace = '' } = quota.metadata;
    const kind = this.#services.catalog.find('', 'v1', 'resourcequotas');
    if (kind === undefined || deepEqual(quota.status, this.#statusOf(quota))) {
      return;
    }
    const call = internalCall('PUT', `/api/v1/namespaces/${namespace}/resourcequotas/${name}/status`);
    const next = (live: ApiObject) => ({
      object: { ...live, status: this.#statusOf(live) },
    });
    try {
      await update(this.#services, call, { kind, namespace, name, subresource: 'status', next }, options);
    } catch (error) {
      const gone = error instanceof ApiError && (error.code === 404 || error.code === 409);
      // A quota that was deleted needs none, one that was just written comes again, and a closed store takes no more.
      if (!gone && !(error instanceof StoreError && error.reason === 'StoreClosed')) {
        this.#log.warn(
          { err: messageOf(error), quota: name, namespace },
          'status of a quota was not written',
        );
      }
    }
  }

  #statusOf(quota: ResourceQuota): NonNullable<ResourceQuota['status']> {
    const hard = quota.spec?.hard ?? {};
    const used = this.#tracker?.used(quota) ?? new Map();
    const texts = Object.keys(hard).map((name) => [name, amountText(used.get(name) ?? amountOf('0'))]);
    return { hard, used: Object.fromEntries(texts) };
  }
}
