/** Figures of an API client under client-go's names (`component-base/metrics/prometheus/restclient`). */
import { Counter, Histogram, type Metric } from './prometheus.ts';

const bounds = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60];

/** Counts requests. */
export class ClientMetrics {
  readonly #requests = new Counter(
    'rest_client_requests_total',
    'Number of HTTP requests, partitioned by status code, method, and host.',
    ['code', 'host', 'method'],
  );
  readonly #durations = new Histogram(
    'rest_client_request_duration_seconds',
    'Request latency in seconds. Broken down by verb, and host.',
    bounds,
    ['host', 'verb'],
  );

  /** Everything, to be rendered. */
  readonly all: readonly Metric[] = [this.#requests, this.#durations];

  /** A request was answered after `seconds`, or not at all (`<error>`). */
  answered(host: string, method: string, code: number | '<error>', seconds: number): void {
    this.#requests.add(`${code} ${host} ${method}`, () => [String(code), host, method]);
    this.#durations.observe(seconds, `${host} ${method}`, () => [host, method]);
  }
}
