/** Cells of `kubectl get events`. */
import { since } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { Event } from './event.ts';

export const eventColumns: readonly PrinterColumn[] = [
  { name: 'Last Seen', type: 'string', description: 'When it was last seen.', value: lastSeenCell },
  { name: 'Type', type: 'string', description: 'Normal or Warning.', value: (one: Event) => one.type ?? '' },
  {
    name: 'Reason',
    type: 'string',
    description: 'What happened, one word.',
    value: (one: Event) => one.reason ?? '',
  },
  { name: 'Object', type: 'string', description: 'Object it happened to.', value: objectCell },
  {
    name: 'Subobject',
    type: 'string',
    description: 'Part of the object.',
    priority: 1,
    value: (one: Event) => one.involvedObject.fieldPath ?? '',
  },
  { name: 'Source', type: 'string', description: 'Program that tells it.', priority: 1, value: sourceCell },
  {
    name: 'Message',
    type: 'string',
    description: 'What happened, in words.',
    value: (one: Event) => (one.message ?? '').trim(),
  },
  {
    name: 'First Seen',
    type: 'string',
    description: 'When it was first seen.',
    priority: 1,
    value: firstSeenCell,
  },
  { name: 'Count', type: 'string', description: 'How often it was seen.', priority: 1, value: countCell },
  { name: 'Name', type: 'string', format: 'name', priority: 1, value: (one: Event) => one.metadata.name },
];

function firstSeenCell(event: Event, now: Date): string {
  return since(event.firstTimestamp ?? event.eventTime ?? undefined, now);
}

function lastSeenCell(event: Event, now: Date): string {
  const last = event.series?.lastObservedTime ?? event.lastTimestamp;
  return last ? since(last, now) : firstSeenCell(event, now);
}

function objectCell({ involvedObject }: Event): string {
  return involvedObject.name
    ? `${(involvedObject.kind ?? '').toLowerCase()}/${involvedObject.name}`
    : (involvedObject.kind ?? '').toLowerCase();
}

function sourceCell({ source, reportingComponent, reportingInstance }: Event): string {
  const component = source?.component || reportingComponent || '';
  const host = source?.component ? source.host : reportingInstance;
  return host ? `${component}, ${host}` : component;
}

function countCell({ series, count }: Event): number {
  return series?.count ?? (count === undefined || count === 0 ? 1 : count);
}
