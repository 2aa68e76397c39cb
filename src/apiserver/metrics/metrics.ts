/** The server's figures under kube-apiserver's names (`apiserver/pkg/endpoints/metrics`). */

import { Counter, Histogram, type LabelValues, type Metric, Reading } from '#machinery/prometheus.ts';
import type { Store } from '#store/store.ts';
import type { Fairness } from '../fairness/fairness.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Catalog } from '../registry/catalog.ts';
import { resourceOf } from '../registry/catalog.ts';
import { ControlMetrics } from './control-metrics.ts';
import { processMetrics } from './process.ts';
import { StoreMetrics } from './store-metrics.ts';

/** Where the figures come from. */
export interface MetricSources {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly fairness: Fairness;
  /** Figures of whatever else runs in this process. */
  readonly more: readonly Metric[];
}

const durationBounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sizeBounds = Array.from({ length: 7 }, (_, power) => 1000 * 10 ** power);
const commitBounds = Array.from({ length: 14 }, (_, power) => 0.001 * 2 ** power);
const requestLabels = [
  'component',
  'dry_run',
  'group',
  'resource',
  'scope',
  'subresource',
  'verb',
  'version',
];

const sizeLabels = requestLabels.filter((label) => label !== 'dry_run');

const shownVerbs: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
};

/** Counts requests and renders everything. */
export class Metrics {
  readonly #catalog: Catalog;
  readonly #requests: Counter;
  readonly #durations: Histogram;
  readonly #commits: Histogram;
  readonly #indicators: Histogram;
  readonly #sizes: Histogram;
  readonly #aborts: Counter;
  readonly control = new ControlMetrics();
  readonly store: StoreMetrics;
  readonly #inflight = { mutating: 0, readOnly: 0 };
  readonly #watches = new Map<string, { readonly labels: LabelValues; count: number }>();
  readonly #all: readonly Metric[];

  constructor(sources: MetricSources) {
    this.#catalog = sources.catalog;
    this.#requests = new Counter(
      'apiserver_request_total',
      'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
      ['code', ...requestLabels],
    );
    this.#durations = new Histogram(
      'apiserver_request_duration_seconds',
      'Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.',
      durationBounds,
      requestLabels,
    );
    this.#indicators = new Histogram(
      'apiserver_request_sli_duration_seconds',
      'Response latency distribution (not counting webhook duration and priority & fairness queue wait times) in seconds for each verb, group, version, resource, subresource, scope and component.',
      durationBounds,
      sizeLabels,
    );
    this.#sizes = new Histogram(
      'apiserver_response_sizes',
      'Response size distribution in bytes for each group, version, verb, resource, subresource, scope and component.',
      sizeBounds,
      sizeLabels,
    );
    this.#aborts = new Counter(
      'apiserver_request_aborts_total',
      'Number of requests which apiserver aborted possibly due to a timeout, for each group, version, verb, resource, subresource and scope',
      ['group', 'resource', 'scope', 'subresource', 'verb', 'version'],
    );
    this.#commits = new Histogram(
      'etcd_disk_wal_fsync_duration_seconds',
      'The latency distributions of commits to the store, synced to disk.',
      commitBounds,
    );
    this.store = new StoreMetrics(sources.store);
    sources.store.onCommit((seconds) => this.#commits.observe(seconds));
    this.#all = [
      this.#requests,
      this.#durations,
      this.#indicators,
      this.#sizes,
      this.#aborts,
      this.#commits,
      ...this.control.all,
      ...this.store.all,
      ...this.#gauges(),
      ...storeMetrics(sources),
      ...fairnessMetrics(sources.fairness),
      ...processMetrics(),
      ...sources.more,
    ];
  }

  /** A request begins. Returns what to call when it is over. */
  begin(info: RequestInfo): () => void {
    const kind = isReading(info) ? 'readOnly' : 'mutating';
    this.#inflight[kind] += 1;
    return () => {
      this.#inflight[kind] -= 1;
    };
  }

  /** A watch begins. Returns what to call when it is over. */
  watching(info: RequestInfo): () => void {
    const { group, resource, subresource, version } = this.#known(info);
    const key = `${group} ${version} ${resource} ${subresource}`;
    const labels = ['apiserver', group, resource, scopeOf(info), subresource, 'WATCH', version];
    const entry = this.#watches.get(key) ?? { labels, count: 0 };
    this.#watches.set(key, entry);
    entry.count += 1;
    return () => {
      entry.count -= 1;
    };
  }

  /** An answer of so many bytes was made. */
  sized(info: RequestInfo, bytes: number): void {
    const { group, resource, subresource, version } = this.#known(info);
    const verb = shownVerbs[info.verb] ?? info.verb.toUpperCase();
    const scope = scopeOf(info);
    this.#sizes.observe(bytes, `${verb} ${group} ${version} ${resource} ${subresource} ${scope}`, () => [
      'apiserver',
      group,
      resource,
      scope,
      subresource,
      verb,
      version,
    ]);
  }

  /** A request was answered after `seconds`; 499: nobody was there any more. */
  answered(info: RequestInfo, code: number, seconds: number): void {
    const dryRun = info.query.has('dryRun') ? 'All' : '';
    const { group, resource, subresource, version } = this.#known(info);
    const verb = shownVerbs[info.verb] ?? info.verb.toUpperCase();
    const scope = scopeOf(info);
    const key = `${verb} ${group} ${version} ${resource} ${subresource} ${scope} ${dryRun}`;
    const labels = (): LabelValues => [
      'apiserver',
      dryRun,
      group,
      resource,
      scope,
      subresource,
      verb,
      version,
    ];
    this.#requests.add(`${code} ${key}`, () => [String(code), ...labels()]);
    if (info.verb !== 'watch') {
      this.#durations.observe(seconds, key, labels);
      this.#indicators.observe(seconds, key.slice(0, key.lastIndexOf(' ')), () => labels().toSpliced(1, 1));
    }
    if (code === 499) {
      this.#aborts.add(key, () => [group, resource, scope, subresource, verb, version]);
    }
    this.control.authenticated(code !== 401);
  }

  render(): string {
    return this.#all.map((metric) => metric.render()).join('');
  }

  /** What a request is about, as far as it is served: clients cannot make up series. */
  #known(info: RequestInfo): Pick<RequestInfo, 'group' | 'resource' | 'subresource' | 'version'> {
    const served =
      info.isResource && this.#catalog.find(info.group, info.version, info.resource) !== undefined;
    if (!served) {
      return {
        group: '',
        resource: '',
        subresource: info.isResource ? '' : plainPath(info.path),
        version: '',
      };
    }
    return knownSubresources.has(info.subresource) ? info : { ...info, subresource: 'other' };
  }

  #gauges(): readonly Metric[] {
    return [
      new Reading(
        'apiserver_current_inflight_requests',
        'Number of requests currently in flight, by kind.',
        'gauge',
        ['request_kind'],
        () => Object.entries(this.#inflight).map(([kind, count]) => [[kind], count] as const),
      ),
      new Reading(
        'apiserver_longrunning_requests',
        'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
        'gauge',
        ['component', 'group', 'resource', 'scope', 'subresource', 'verb', 'version'],
        () => [...this.#watches.values()].map(({ labels, count }) => [labels, count] as const),
      ),
    ];
  }
}

const knownSubresources: ReadonlySet<string> = new Set([
  '',
  'approval',
  'attach',
  'binding',
  'ephemeralcontainers',
  'eviction',
  'exec',
  'finalize',
  'log',
  'portforward',
  'proxy',
  'resize',
  'scale',
  'status',
  'token',
]);
const plainRoots: ReadonlySet<string> = new Set(['api', 'apis', 'openapi', 'version', 'metrics', 'backup']);

function plainPath(path: string): string {
  const [, root = ''] = path.split('/', 2);
  return plainRoots.has(root) ? `/${root}` : '';
}

function isReading({ verb }: RequestInfo): boolean {
  return verb === 'get' || verb === 'list' || verb === 'watch' || verb === 'head';
}

function scopeOf(info: RequestInfo): string {
  if (!info.isResource) {
    return '';
  }
  return info.name !== '' ? 'resource' : info.namespace !== '' ? 'namespace' : 'cluster';
}

function storeMetrics({ store, catalog }: MetricSources): readonly Metric[] {
  const one = (name: string, help: string, read: () => number) =>
    new Reading(name, help, 'gauge', [], () => [[[], read()]]);
  return [
    new Reading(
      'apiserver_storage_objects',
      'Number of stored objects at the time of last check split by kind.',
      'gauge',
      ['resource'],
      () => {
        const resources = new Set(catalog.kinds.filter(({ verbs }) => verbs === undefined).map(resourceOf));
        return [...resources].map((resource) => [[resource], store.count(resource)] as const);
      },
    ),
    one('apiserver_storage_size_bytes', 'Size of the storage database file in bytes.', () => store.size),
    one('etcd_mvcc_db_total_size_in_bytes', 'Size of the store on disk in bytes.', () => store.size),
    one('etcd_debugging_mvcc_current_revision', 'The current revision of the store.', () => store.revision),
    one(
      'etcd_debugging_mvcc_compact_revision',
      'The revision of the last compaction of the store.',
      () => store.compactedRevision,
    ),
  ];
}

/** All clients share one level; each user is a flow of its own, which no label tells. */
const flowLabels = ['flow_schema', 'priority_level'];
const onlyFlow: LabelValues = ['global-default', 'global-default'];

function fairnessMetrics(fairness: Fairness): readonly Metric[] {
  return [
    new Reading(
      'apiserver_flowcontrol_current_inqueue_requests',
      'Number of requests currently pending in queues of the fairness system.',
      'gauge',
      flowLabels,
      () => [[onlyFlow, fairness.waiting]],
    ),
    new Reading(
      'apiserver_flowcontrol_rejected_requests_total',
      'Number of requests rejected by the fairness system.',
      'counter',
      [...flowLabels, 'reason'],
      () => [[[...onlyFlow, 'queue-full'], fairness.rejected]],
    ),
  ];
}
