/** What the store is asked for, under the names of kube-apiserver's etcd client (`storage/etcd3/metrics`). */
import { Counter, Histogram, type Metric } from '#machinery/prometheus.ts';
import type { Store } from '#store/store.ts';

const bounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const labels = ['operation', 'type'];

/** Counts them. */
export class StoreMetrics {
  readonly #durations = new Histogram(
    'etcd_request_duration_seconds',
    'Latency in seconds for each operation and object type: writes until they are on disk.',
    bounds,
    labels,
  );
  readonly #requests = new Counter(
    'etcd_requests_total',
    'Requests counts for each operation and object type.',
    labels,
  );
  readonly #errors = new Counter(
    'etcd_request_errors_total',
    'Failed request counts for each operation and object type.',
    labels,
  );

  /** Everything, to be rendered. */
  readonly all: readonly Metric[] = [this.#durations, this.#requests, this.#errors];

  constructor(store: Store) {
    store.onWrite((operation, resource, seconds, error) => {
      this.#count(operation, resource, seconds);
      if (error !== undefined) this.#errors.add(`${operation} ${resource}`, () => [operation, resource]);
    });
  }

  /** A read that began at `began` (`performance.now`) is over. */
  read(operation: 'get' | 'list', resource: string, began: number): void {
    this.#count(operation, resource, (performance.now() - began) / 1000);
  }

  #count(operation: string, resource: string, seconds: number): void {
    const key = `${operation} ${resource}`;
    const values = () => [operation, resource];
    this.#durations.observe(seconds, key, values);
    this.#requests.add(key, values);
  }
}
