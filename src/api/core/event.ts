import { invalid } from '../cause.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { int32, object, string, type TypeOf, time } from '../schema.ts';
import { eventColumns } from './event-columns.ts';
import { objectReference } from './reference.ts';

const microTime = (description: string) => ({ ...time(description), nullable: true });

const schema = object(
  {
    involvedObject: objectReference,
    reason: string('CamelCase word for what happened.'),
    message: string('What happened, in words.'),
    source: object({ component: string('Program that tells it.'), host: string('Node it runs on.') }),
    firstTimestamp: { ...time('When it was first seen.'), nullable: true },
    lastTimestamp: { ...time('When it was last seen.'), nullable: true },
    count: int32('How often it was seen.'),
    type: string('Normal or Warning.'),
    eventTime: microTime('When it was first seen, to the microsecond.'),
    series: object({ count: int32('How often in a row.'), lastObservedTime: microTime('When last.') }),
    action: string('What was done or failed.'),
    related: objectReference,
    reportingComponent: string('Controller that tells it.', { default: '' }),
    reportingInstance: string('Instance of that controller.', { default: '' }),
  },
  ['involvedObject'],
  'Something that happened to an object.',
);

/** Something that happened to an object. */
export type Event = KubeObject & TypeOf<typeof schema>;

export const event: KindDefinition<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  singular: 'event',
  shortNames: ['ev'],
  namespaced: true,
  builtin: true,
  schema,
  columns: eventColumns,
  selectableFields: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
  ],
  validate: eventCauses,
};

/** An event is where its object is; one about an object without a namespace is in default, or kube-system. */
function eventCauses({ object, operation }: AdmissionRequest<Event>): readonly Cause[] {
  const { namespace = '' } = object.involvedObject ?? {};
  const own = object.metadata.namespace ?? '';
  const fits = namespace === '' ? own === 'default' || own === 'kube-system' : namespace === own;
  return operation !== 'CREATE' || fits
    ? []
    : [invalid('involvedObject.namespace', namespace, 'does not match event.namespace')];
}
