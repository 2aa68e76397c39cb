/** Events as `events.k8s.io/v1` shows them: the core group's Events under other names. */
import { invalid, notSupported, required } from '../cause.ts';
import { type Event as CoreEvent, event as coreEvent } from '../core/event.ts';
import { objectReference } from '../core/reference.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { int32, object, string, type TypeOf, time } from '../schema.ts';

const microTime = (description: string) => ({ ...time(description), nullable: true });

const schema = object(
  {
    eventTime: microTime('When it was first seen, to the microsecond.'),
    series: object({ count: int32('How often in a row.'), lastObservedTime: microTime('When last.') }),
    reportingController: string('Controller that tells it.', { default: '' }),
    reportingInstance: string('Instance of that controller.', { default: '' }),
    action: string('What was done or failed.'),
    reason: string('CamelCase word for what happened.'),
    regarding: objectReference,
    related: objectReference,
    note: string('What happened, in words.'),
    type: string('Normal or Warning.'),
    deprecatedSource: object({
      component: string('Program that tells it.'),
      host: string('Node it runs on.'),
    }),
    deprecatedFirstTimestamp: { ...time('When it was first seen.'), nullable: true },
    deprecatedLastTimestamp: { ...time('When it was last seen.'), nullable: true },
    deprecatedCount: int32('How often it was seen.'),
  },
  [],
  'Something that happened to an object.',
);

/** Something that happened to an object. */
export type Event = KubeObject & TypeOf<typeof schema>;

/** Names here and in the core group, where they differ. */
const names: readonly (readonly [keyof Event, keyof CoreEvent])[] = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];
const mostNoteBytes = 1024;

export const event: KindDefinition<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  builtin: true,
  schema,
  storedAs: {
    kind: coreEvent,
    // The core group demands the object; here it may be left out.
    toStored: (given) =>
      renamed('regarding' in given ? given : withField(given, 'regarding', {}), new Map(names)),
    fromStored: (stored) => renamed(stored, new Map(names.map(([here, core]) => [core, here]))),
  },
  columns: coreEvent.columns.map((column) => {
    const { value } = column;
    return value === undefined
      ? column
      : { ...column, value: (one, now) => value(renamed(one, new Map(names)), now) };
  }),
  selectableFields: [
    ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
      (field) => `regarding.${field}`,
    ),
    'reason',
    'reportingController',
    'type',
  ],
  validate: eventCauses,
};

function withField(object: KubeObject, name: string, value: unknown): KubeObject {
  return { ...object, [name]: value };
}

function renamed(object: KubeObject, to: ReadonlyMap<string, string>): KubeObject {
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => [to.get(name) ?? name, value]),
  ) as unknown as KubeObject;
}

/** Rules for new Events of this group (kubernetes `pkg/apis/core/validation/events.go`); old ones stay as they are. */
function eventCauses({ object: one, operation }: AdmissionRequest<Event>): readonly Cause[] {
  if (operation !== 'CREATE') {
    return [];
  }
  const { eventTime, note = '', type = '' } = one;
  const texts = ['reportingController', 'reportingInstance', 'action', 'reason'] as const;
  return [
    ...(eventTime === undefined || eventTime === null ? [required('eventTime', '')] : []),
    ...texts.flatMap((field) => ((one[field] ?? '') === '' ? [required(field, '')] : [])),
    ...(type === 'Normal' || type === 'Warning' ? [] : [notSupported('type', type, ['Normal', 'Warning'])]),
    ...(Buffer.byteLength(note) > mostNoteBytes ? [invalid('note', '', 'can have at most 1024 bytes')] : []),
  ];
}
