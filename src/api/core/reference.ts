/** References from one object to another, as the core group writes them. */
import { boolean, object, string, type TypeOf } from '../schema.ts';

/** Points to any object; all fields optional as upstream. */
export const objectReference = object(
  {
    apiVersion: string('API version of the object.'),
    kind: string('Kind of the object.'),
    namespace: string('Namespace of the object.'),
    name: string('Name of the object.'),
    uid: string('UID of the object.'),
    resourceVersion: string('Version of the object that was referred to.'),
    fieldPath: string('Part of the object, such as spec.containers{name}.'),
  },
  [],
  'Reference to an object.',
  { 'x-kubernetes-map-type': 'atomic' },
);
export type ObjectReference = TypeOf<typeof objectReference>;

/** Points to an object of a known kind in the same namespace. */
export const localObjectReference = object(
  { name: string('Name of the object, in the same namespace.', { default: '' }) },
  [],
  'Reference to an object in the same namespace.',
  { 'x-kubernetes-map-type': 'atomic' },
);

/** Points to one key of a ConfigMap or Secret in the same namespace. */
export const keySelector = object(
  {
    name: string('Name of the object that holds the key.', { default: '' }),
    key: string('Key to take.'),
    optional: boolean('Whether the object or the key may be missing.'),
  },
  ['key'],
  'One key of a ConfigMap or Secret.',
  { 'x-kubernetes-map-type': 'atomic' },
);
