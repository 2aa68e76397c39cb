/** What messages of several groups are made of. */
import type { Field, FieldType, Message } from './protobuf.ts';

type Spec = readonly [name: string, type: FieldType, many?: 'list' | 'map'];

/** A message by its field numbers. */
export function message(fields: Readonly<Record<number, Spec>>): Message {
  const entries = Object.entries(fields).map(([number, [name, type, many]]): [string, Field] => [
    number,
    many === undefined ? { name, type } : { name, type, many },
  ]);
  return { fields: Object.fromEntries(entries) };
}

const ownerReference = message({
  1: ['kind', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
  5: ['apiVersion', 'string'],
  6: ['controller', 'bool?'],
  7: ['blockOwnerDeletion', 'bool?'],
});

const managedFields = message({
  1: ['manager', 'string'],
  2: ['operation', 'string'],
  3: ['apiVersion', 'string'],
  4: ['time', 'time'],
  6: ['fieldsType', 'string'],
  7: ['fieldsV1', { ...message({ 1: ['raw', 'json'] }), inline: 'raw' }],
  8: ['subresource', 'string'],
});

/** `meta/v1 ObjectMeta`. */
export const metadata = message({
  1: ['name', 'string'],
  2: ['generateName', 'string'],
  3: ['namespace', 'string'],
  4: ['selfLink', 'string'],
  5: ['uid', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['generation', 'int'],
  8: ['creationTimestamp', 'time'],
  9: ['deletionTimestamp', 'time'],
  10: ['deletionGracePeriodSeconds', 'int?'],
  11: ['labels', 'string', 'map'],
  12: ['annotations', 'string', 'map'],
  13: ['ownerReferences', ownerReference, 'list'],
  14: ['finalizers', 'string', 'list'],
  17: ['managedFields', managedFields, 'list'],
});
