/** What printer columns of several kinds share. */
import type { PrinterColumn } from './kind.ts';

/** How long ago the object was made. */
export const ageColumn: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'How long ago the object was made.',
  jsonPath: '.metadata.creationTimestamp',
};

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/**
 * A duration as kubectl prints ages: `45s`, `3m20s`, `5h12m`, `6d4h`, `2y10d`; whole seconds are given.
 * Rule: k8s.io/apimachinery/pkg/util/duration HumanDuration.
 */
export function humanDuration(seconds: number): string {
  const total = Math.floor(seconds);
  if (total < -1) return '<invalid>';
  if (total < 0) return '0s';
  if (total < 2 * MINUTE) return `${total}s`;
  const days = Math.floor(total / DAY);
  if (total < 10 * MINUTE) return pair(total, MINUTE, 'm', 1, 's');
  if (total < 3 * HOUR) return `${Math.floor(total / MINUTE)}m`;
  if (total < 8 * HOUR) return pair(total, HOUR, 'h', MINUTE, 'm');
  if (total < 2 * DAY) return `${Math.floor(total / HOUR)}h`;
  if (total < 8 * DAY) return pair(total, DAY, 'd', HOUR, 'h');
  if (total < 2 * YEAR) return `${days}d`;
  if (total < 8 * YEAR) return pair(total, YEAR, 'y', DAY, 'd');
  return `${Math.floor(days / 365)}y`;
}

/** Time since an RFC 3339 timestamp, as kubectl prints it; `<unknown>` without one. */
export function since(timestamp: string | undefined, now: Date): string {
  const at = timestamp === undefined ? Number.NaN : Date.parse(timestamp);
  return Number.isNaN(at) ? '<unknown>' : humanDuration((now.getTime() - at) / 1000);
}

function pair(total: number, unit: number, unitName: string, rest: number, restName: string): string {
  const small = Math.floor((total % unit) / rest);
  return `${Math.floor(total / unit)}${unitName}${small === 0 ? '' : `${small}${restName}`}`;
}
