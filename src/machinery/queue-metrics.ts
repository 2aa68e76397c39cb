/** Figures of work queues under client-go's names (`util/workqueue/metrics.go`, `component-base/metrics/prometheus/workqueue`). */
import { Counter, Histogram, type Metric, Reading } from './prometheus.ts';

/** What a queue tells of its keys. */
export interface QueueObserver {
  /** A key began to wait; one that waits already is not told again. */
  added(key: string): void;
  /** A worker took it. */
  taken(key: string): void;
  /** The worker is through with it. */
  done(key: string): void;
  /** It comes back later. */
  retried(): void;
}

interface Times {
  /** When keys began to wait, in milliseconds of `performance.now`. */
  readonly waiting: Map<string, number>;
  /** When work on them began. */
  readonly working: Map<string, number>;
}

const bounds = Array.from({ length: 12 }, (_, power) => Number(`1e${power - 8}`));
const labels = ['name'];

/** Figures of all queues, by name. */
export class QueueMetrics {
  readonly #queues = new Map<string, Times>();
  readonly #adds = new Counter('workqueue_adds_total', 'Total number of adds handled by workqueue', labels);
  readonly #retries = new Counter(
    'workqueue_retries_total',
    'Total number of retries handled by workqueue',
    labels,
  );
  readonly #waited = new Histogram(
    'workqueue_queue_duration_seconds',
    'How long in seconds an item stays in workqueue before being requested.',
    bounds,
    labels,
  );
  readonly #worked = new Histogram(
    'workqueue_work_duration_seconds',
    'How long in seconds processing an item from workqueue takes.',
    bounds,
    labels,
  );

  /** Everything, to be rendered. */
  readonly all: readonly Metric[] = [
    this.#adds,
    this.#retries,
    this.#waited,
    this.#worked,
    this.#gauge('workqueue_depth', 'Current depth of workqueue', ({ waiting }) => waiting.size),
    this.#gauge(
      'workqueue_unfinished_work_seconds',
      'How many seconds of work has done that is in progress and has not been observed by work_duration. Large values indicate stuck threads.',
      ({ working }) => agesOf(working).reduce((sum, age) => sum + age, 0),
    ),
    this.#gauge(
      'workqueue_longest_running_processor_seconds',
      'How many seconds has the longest running processor for workqueue been running.',
      ({ working }) => Math.max(0, ...agesOf(working)),
    ),
  ];

  /** What a queue of this name tells its keys to. Queues of one name count together. */
  observer(name: string): QueueObserver {
    const times = this.#queues.get(name) ?? { waiting: new Map(), working: new Map() };
    this.#queues.set(name, times);
    const { waiting, working } = times;
    const values = () => [name];
    const over = (since: Map<string, number>, key: string, histogram: Histogram): void => {
      const began = since.get(key);
      if (began === undefined) return;
      since.delete(key);
      histogram.observe((performance.now() - began) / 1000, name, values);
    };
    const add = this.#adds.handle(name, values);
    return {
      added: (key) => {
        add();
        waiting.set(key, performance.now());
      },
      taken: (key) => {
        over(waiting, key, this.#waited);
        working.set(key, performance.now());
      },
      done: (key) => over(working, key, this.#worked),
      retried: this.#retries.handle(name, values),
    };
  }

  #gauge(name: string, help: string, read: (times: Times) => number): Metric {
    return new Reading(name, help, 'gauge', labels, () =>
      [...this.#queues].map(([queue, times]) => [[queue], read(times)] as const),
    );
  }
}

function agesOf(began: ReadonlyMap<string, number>): readonly number[] {
  const now = performance.now();
  return [...began.values()].map((start) => (now - start) / 1000);
}
