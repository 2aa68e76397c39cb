/** Counters, gauges and histograms in Prometheus' text format, version 0.0.4; no more than a server's own figures need. */

/** Values of a metric's labels, in the order of their names. */
export type LabelValues = readonly string[];

/** One metric with all its series. */
export interface Metric {
  /** Lines of the text format, each with its end. */
  render(): string;
}

function header(name: string, help: string, type: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** `{a="b",c="d"}`, nothing without labels. */
export function labelText(names: readonly string[], values: LabelValues): string {
  if (names.length === 0) {
    return '';
  }
  return `{${names.map((name, at) => `${name}="${escaped(values[at] ?? '')}"`).join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** Counts up, a series for each combination of labels. */
export class Counter implements Metric {
  readonly #head: string;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #series = new Map<string, { readonly text: string; value: number }>();

  constructor(name: string, help: string, labels: readonly string[] = []) {
    this.#head = header(name, help, 'counter');
    this.#name = name;
    this.#labels = labels;
  }

  /** `key` identifies the labels' values, which are only computed for a new series. */
  add(key: string, values: () => LabelValues): void {
    const known = this.#series.get(key);
    if (known === undefined) {
      this.#series.set(key, { text: labelText(this.#labels, values()), value: 1 });
    } else {
      known.value += 1;
    }
  }

  /** Counts one series from then on without looking it up. */
  handle(key: string, values: () => LabelValues): () => void {
    const series = this.#series.get(key) ?? { text: labelText(this.#labels, values()), value: 0 };
    this.#series.set(key, series);
    return () => {
      series.value += 1;
    };
  }

  render(): string {
    let text = this.#head;
    for (const series of this.#series.values()) {
      text += `${this.#name}${series.text} ${series.value}\n`;
    }
    return text;
  }
}

interface Buckets {
  readonly labels: LabelValues;
  readonly counts: Float64Array;
  sum: number;
  count: number;
}

/** Counts values by upper bounds. */
export class Histogram implements Metric {
  readonly #head: string;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Buckets>();

  constructor(name: string, help: string, bounds: readonly number[], labels: readonly string[] = []) {
    this.#head = header(name, help, 'histogram');
    this.#name = name;
    this.#labels = labels;
    this.#bounds = bounds;
  }

  /** `key` identifies the labels' values, which are only computed for a new series. */
  observe(value: number, key = '', values: () => LabelValues = () => []): void {
    let buckets = this.#series.get(key);
    if (buckets === undefined) {
      buckets = { labels: values(), counts: new Float64Array(this.#bounds.length), sum: 0, count: 0 };
      this.#series.set(key, buckets);
    }
    buckets.sum += value;
    buckets.count += 1;
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) {
      buckets.counts[at] = (buckets.counts[at] ?? 0) + 1;
    }
  }

  render(): string {
    let text = this.#head;
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let below = 0;
      for (const [at, bound] of this.#bounds.entries()) {
        below += counts[at] ?? 0;
        text += `${this.#name}_bucket${labelText([...this.#labels, 'le'], [...labels, String(bound)])} ${below}\n`;
      }
      text += `${this.#name}_bucket${labelText([...this.#labels, 'le'], [...labels, '+Inf'])} ${count}\n`;
      text += `${this.#name}_sum${labelText(this.#labels, labels)} ${sum}\n`;
      text += `${this.#name}_count${labelText(this.#labels, labels)} ${count}\n`;
    }
    return text;
  }
}

/** Read when it is asked for: pairs of labels' values and value. */
export class Reading implements Metric {
  readonly #head: string;
  readonly #name: string;
  readonly #labels: readonly string[];
  readonly #read: () => Iterable<readonly [LabelValues, number]>;

  constructor(
    name: string,
    help: string,
    type: 'counter' | 'gauge',
    labels: readonly string[],
    read: () => Iterable<readonly [LabelValues, number]>,
  ) {
    this.#head = header(name, help, type);
    this.#name = name;
    this.#labels = labels;
    this.#read = read;
  }

  render(): string {
    let text = this.#head;
    for (const [values, value] of this.#read()) {
      text += `${this.#name}${labelText(this.#labels, values)} ${value}\n`;
    }
    return text;
  }
}
