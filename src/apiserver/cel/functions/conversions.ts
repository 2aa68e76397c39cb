import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';

const MAX_INT = 2n ** 63n - 1n;

/** A duration of the package, which does not export its class. */
export interface CelDuration {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** `90s`, `1.5s`: seconds, and no more digits than needed. */
export function durationText({ seconds, nanos }: CelDuration): string {
  const total = seconds * 1_000_000_000n + BigInt(nanos);
  const sign = total < 0n ? '-' : '';
  const size = total < 0n ? -total : total;
  const fraction = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${sign}${size / 1_000_000_000n}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** RFC 3339 with no more digits than needed. */
export function timestampText(time: Date): string {
  return time.toISOString().replace(/\.?0*Z$/, 'Z');
}

/** Conversions of times, which the package lacks. */
export function registerConversions(environment: Environment): void {
  const [duration, timestamp] = ['google.protobuf.Duration', 'google.protobuf.Timestamp'];
  environment
    .registerFunction(`string(${duration}): string`, durationText)
    .registerFunction(`string(${timestamp}): string`, timestampText)
    .registerFunction(`duration(${duration}): ${duration}`, (value: unknown) => value)
    .registerFunction(`timestamp(${timestamp}): ${timestamp}`, (value: unknown) => value)
    .registerFunction(`int(${timestamp}): int`, (time: Date) => BigInt(Math.floor(time.getTime() / 1000)))
    .registerFunction(
      `int(${duration}): int`,
      ({ seconds, nanos }: CelDuration) => seconds * 1_000_000_000n + BigInt(nanos),
    )
    .registerFunction('int(uint): int', (value: { valueOf(): bigint }) => {
      if (value.valueOf() > MAX_INT) {
        throw new CelError('integer overflow');
      }
      return value.valueOf();
    });
}
