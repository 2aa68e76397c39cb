/** Placement: node selectors, affinity, tolerations, spreading. */
import { array, int32, int64, listMap, object, oneOf, string, type TypeOf } from '../schema.ts';
import { labelSelector } from './label-selector.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const nodeSelectorRequirement = object(
  {
    key: string('Label key, or metadata.name in matchFields.'),
    operator: oneOf(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'], 'How key and values relate.'),
    values: array(string(), 'Values; one whole number for Gt and Lt.', atomic),
  },
  ['key', 'operator'],
);

const nodeSelectorTerm = object(
  {
    matchExpressions: array(nodeSelectorRequirement, 'Requirements on labels.', atomic),
    matchFields: array(nodeSelectorRequirement, 'Requirements on fields.', atomic),
  },
  [],
  'All requirements of a term must hold.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const nodeSelector = object(
  { nodeSelectorTerms: array(nodeSelectorTerm, 'One of these terms must hold.', atomic) },
  ['nodeSelectorTerms'],
  'Selects nodes.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const nodeAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: nodeSelector,
  preferredDuringSchedulingIgnoredDuringExecution: array(
    object({ weight: int32('1 to 100.'), preference: nodeSelectorTerm }, ['weight', 'preference']),
    'Terms that raise the score of a node.',
    atomic,
  ),
});

const podAffinityTerm = object(
  {
    labelSelector,
    namespaces: array(string(), 'Namespaces of the pods looked at.', atomic),
    topologyKey: string('Node label whose equal values make one place.'),
    namespaceSelector: labelSelector,
    matchLabelKeys: array(string(), 'Keys of this pod that must match.', atomic),
    mismatchLabelKeys: array(string(), 'Keys of this pod that must not match.', atomic),
  },
  ['topologyKey'],
);

const podAffinity = object({
  requiredDuringSchedulingIgnoredDuringExecution: array(podAffinityTerm, 'Terms that must hold.', atomic),
  preferredDuringSchedulingIgnoredDuringExecution: array(
    object({ weight: int32('1 to 100.'), podAffinityTerm }, ['weight', 'podAffinityTerm']),
    'Terms that raise the score of a node.',
    atomic,
  ),
});

export const affinity = object(
  { nodeAffinity, podAffinity, podAntiAffinity: podAffinity },
  [],
  'Where the scheduler may and would rather place it.',
);
export type Affinity = TypeOf<typeof affinity>;

const toleration = object({
  key: string('Taint key; empty with Exists tolerates every taint.'),
  operator: oneOf(['Exists', 'Equal', 'Lt', 'Gt'], 'How key and value relate; Equal when empty.'),
  value: string('Taint value.'),
  effect: oneOf(['NoSchedule', 'PreferNoSchedule', 'NoExecute'], 'Effect; empty tolerates all.'),
  tolerationSeconds: int64('Seconds a NoExecute taint is tolerated.'),
});
export type Toleration = TypeOf<typeof toleration>;

export const tolerations = array(toleration, 'Taints of nodes that are tolerated.', atomic);

export const topologySpreadConstraints = listMap(
  ['topologyKey', 'whenUnsatisfiable'],
  object(
    {
      maxSkew: int32('Largest difference of counts between places.'),
      topologyKey: string('Node label whose equal values make one place.'),
      whenUnsatisfiable: oneOf(['DoNotSchedule', 'ScheduleAnyway'], 'What to do when it cannot hold.'),
      labelSelector,
      minDomains: int32('Fewest places that count.'),
      nodeAffinityPolicy: oneOf(['Honor', 'Ignore'], 'Whether node affinity narrows the places.'),
      nodeTaintsPolicy: oneOf(['Honor', 'Ignore'], 'Whether taints narrow the places.'),
      matchLabelKeys: array(string(), 'Keys of this pod that must match.', atomic),
    },
    ['maxSkew', 'topologyKey', 'whenUnsatisfiable'],
  ),
  'How pods of a group spread over places.',
);
