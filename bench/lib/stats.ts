/** Order statistics of samples, and the check whether a run was quiet enough to believe. */

/** The p-quantile (0 <= p <= 1) of samples, linearly interpolated; NaN when there are none. */
export function quantile(samples: readonly number[], p: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * p;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  return below === undefined || above === undefined
    ? Number.NaN
    : below + (above - below) * (position - Math.floor(position));
}

/** The middle of samples. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** What is told of a series, in the samples' unit. */
export interface Summary {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** Summarises a series. */
export function summary(samples: readonly number[]): Summary {
  const at = (p: number): number => round(quantile(samples, p));
  return { n: samples.length, min: at(0), p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Ratio of two series. */
export interface Ratio {
  readonly ratio: number;
  readonly ours: number;
  readonly byHand: number;
  /** By how much the halves of the denominator differ: more than 0.1 means that the machine was busy. */
  readonly drift: number;
}

/** Median over median. */
export function ratioOf(ours: readonly number[], byHand: readonly number[]): Ratio {
  const half = Math.floor(byHand.length / 2);
  const [first, second] = [median(byHand.slice(0, half)), median(byHand.slice(half))];
  return {
    ratio: round(median(ours) / median(byHand)),
    ours: round(median(ours)),
    byHand: round(median(byHand)),
    drift: half === 0 ? 0 : round(Math.abs(first - second) / Math.min(first, second)),
  };
}

/** A ratio as one line; says so when the machine was busy. */
export function ratioLine(what: string, found: Ratio, goal: number): string {
  const noisy =
    found.drift > 0.1
      ? `; NOISY: the halves of "by hand" differ by ${Math.round(found.drift * 100)} %, run again when the machine is quiet`
      : '';
  const verdict = found.ratio <= goal ? 'goal met' : 'goal missed';
  return `${what}: ratio ${found.ratio} (ours ${found.ours} ms, by hand ${found.byHand} ms; goal ${goal}, ${verdict}${noisy})`;
}

/** A series as one line. */
export function summaryLine({ n, min, p50, p95, p99 }: Summary): string {
  return `p50 ${p50} ms, p95 ${p95}, p99 ${p99}, min ${min} (n ${n})`;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
