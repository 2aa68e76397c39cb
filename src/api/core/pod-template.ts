/** The template of pods, as workloads hold it. */
import {
  array,
  boolean,
  int64,
  listMap,
  map,
  object,
  type Schema,
  setOf,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { type PodSpec, podSpec } from './pod-spec.ts';

const ownerReference = object(
  {
    apiVersion: string('API version of the owner.'),
    kind: string('Kind of the owner.'),
    name: string('Name of the owner.'),
    uid: string('UID of the owner.'),
    controller: boolean('Whether the owner manages it.'),
    blockOwnerDeletion: boolean('Whether the owner waits for it when it is deleted in the foreground.'),
  },
  ['apiVersion', 'kind', 'name', 'uid'],
  'An owner.',
  { 'x-kubernetes-map-type': 'atomic' },
);

/** `metadata` of an object that is made of a template. */
export const templateMetadata = object(
  {
    name: string('Not used.'),
    generateName: string('Not used.'),
    namespace: string('Not used.'),
    selfLink: string('Not used.'),
    uid: string('Not used.'),
    resourceVersion: string('Not used.'),
    generation: int64('Not used.'),
    creationTimestamp: time('Not used.'),
    deletionTimestamp: time('Not used.'),
    deletionGracePeriodSeconds: int64('Not used.'),
    labels: map(string(), 'Labels of what is made.'),
    annotations: map(string(), 'Annotations of what is made.'),
    ownerReferences: listMap(['uid'], ownerReference, 'Not used.'),
    finalizers: setOf(string(), 'Finalizers of what is made.'),
    managedFields: array(object({}, [], undefined, { 'x-kubernetes-preserve-unknown-fields': true })),
  },
  [],
  'Labels and annotations of what is made.',
);

/** A pod's spec without the one default that upstream gives to pods only. */
const templateSpec: Schema<PodSpec> = {
  ...podSpec,
  properties: {
    ...podSpec.properties,
    enableServiceLinks: boolean('Environment variables for every service.'),
  },
};

export const podTemplateSpec = object(
  { metadata: templateMetadata, spec: templateSpec },
  ['spec'],
  'The pods to make.',
);
export type PodTemplateSpec = TypeOf<typeof podTemplateSpec>;
