import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';
import { replacement } from '../replaced.ts';

const formats = new Map<string, Intl.DateTimeFormat>();
const MOST_FORMATS = 100;
const DAY = 86_400_000;

/** A time whose UTC fields are what a clock in the zone shows: `Europe/Berlin`, `02:00`, `-02:30`. @throws CelError */
function wallClock(time: Date, zone: string): Date {
  const [, sign, hours, minutes] = /^([+-]?)(\d\d):(\d\d)$/.exec(zone) ?? [];
  if (hours !== undefined) {
    const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -1 : 1);
    return new Date(time.getTime() + offset * 60_000);
  }
  const parts = new Map(
    formatOf(zone)
      .formatToParts(time)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = (
    ['year', 'month', 'day', 'hour', 'minute', 'second'] as const
  ).map((type) => parts.get(type));
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) {
    return known;
  }
  try {
    const made = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formats.size >= MOST_FORMATS) {
      formats.clear();
    }
    formats.set(zone, made);
    return made;
  } catch {
    throw new CelError(`unknown time zone ${zone}`);
  }
}

function dayOfYear(time: Date): number {
  return Math.floor((time.getTime() - Date.UTC(time.getUTCFullYear(), 0, 1)) / DAY);
}

const READERS: Readonly<Record<string, (time: Date) => number>> = {
  getDate: (time) => time.getUTCDate(),
  getDayOfMonth: (time) => time.getUTCDate() - 1,
  getDayOfWeek: (time) => time.getUTCDay(),
  getDayOfYear: dayOfYear,
  getFullYear: (time) => time.getUTCFullYear(),
  getHours: (time) => time.getUTCHours(),
  getMinutes: (time) => time.getUTCMinutes(),
  getMonth: (time) => time.getUTCMonth(),
  getSeconds: (time) => time.getUTCSeconds(),
};

/** Fields of times in a zone. */
export function registerZones(environment: Environment): void {
  for (const [name, read] of Object.entries(READERS)) {
    environment.registerFunction(
      `google.protobuf.Timestamp.${replacement(name)}(string): int`,
      (time: Date, zone: string) => BigInt(read(wallClock(time, zone))),
    );
  }
}
