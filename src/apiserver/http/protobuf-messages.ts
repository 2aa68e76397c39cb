/** Field numbers of what kubectl sends as protobuf (`k8s.io/api/core/v1/generated.proto`, `apimachinery/…/meta/v1`). */
import type { Message } from './protobuf.ts';
import { accessMessages, labelSelector } from './protobuf-access.ts';
import { message, metadata } from './protobuf-common.ts';
import { coreFields } from './protobuf-core.ts';
import { moreCoreFields } from './protobuf-core-more.ts';
import { readMessages } from './protobuf-notation.ts';
import { workloadFields } from './protobuf-workloads.ts';

const objectReference = message({
  1: ['kind', 'string'],
  2: ['namespace', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
  5: ['apiVersion', 'string'],
  6: ['resourceVersion', 'string'],
  7: ['fieldPath', 'string'],
});

const servicePort = message({
  1: ['name', 'string'],
  2: ['protocol', 'string'],
  3: ['port', 'int'],
  4: ['targetPort', 'intOrString'],
  5: ['nodePort', 'int'],
  6: ['appProtocol', 'string'],
});

const serviceSpec = message({
  1: ['ports', servicePort, 'list'],
  2: ['selector', 'string', 'map'],
  3: ['clusterIP', 'string'],
  4: ['type', 'string'],
  5: ['externalIPs', 'string', 'list'],
  7: ['sessionAffinity', 'string'],
  8: ['loadBalancerIP', 'string'],
  9: ['loadBalancerSourceRanges', 'string', 'list'],
  10: ['externalName', 'string'],
  11: ['externalTrafficPolicy', 'string'],
  12: ['healthCheckNodePort', 'int'],
  13: ['publishNotReadyAddresses', 'bool'],
  17: ['ipFamilyPolicy', 'string'],
  18: ['clusterIPs', 'string', 'list'],
  19: ['ipFamilies', 'string', 'list'],
  20: ['allocateLoadBalancerNodePorts', 'bool?'],
  21: ['loadBalancerClass', 'string'],
  22: ['internalTrafficPolicy', 'string'],
  23: ['trafficDistribution', 'string'],
});

const certificateRequest = message({
  1: ['metadata', metadata],
  2: [
    'spec',
    message({
      1: ['request', 'bytes'],
      2: ['username', 'string'],
      3: ['uid', 'string'],
      4: ['groups', 'string', 'list'],
      5: ['usages', 'string', 'list'],
      6: ['extra', { ...message({ 1: ['items', 'string', 'list'] }), inline: 'items' }, 'map'],
      7: ['signerName', 'string'],
      8: ['expirationSeconds', 'int?'],
    }),
  ],
  3: [
    'status',
    message({
      1: [
        'conditions',
        message({
          1: ['type', 'string'],
          2: ['reason', 'string'],
          3: ['message', 'string'],
          4: ['lastUpdateTime', 'time'],
          5: ['lastTransitionTime', 'time'],
          6: ['status', 'string'],
        }),
        'list',
      ],
      2: ['certificate', 'bytes'],
    }),
  ],
});

const condition = message({
  1: ['type', 'string'],
  2: ['status', 'string'],
  3: ['observedGeneration', 'int'],
  4: ['lastTransitionTime', 'time'],
  5: ['reason', 'string'],
  6: ['message', 'string'],
});
const deleteOptions = message({
  1: ['gracePeriodSeconds', 'int?'],
  2: ['preconditions', message({ 1: ['uid', 'string'], 2: ['resourceVersion', 'string'] })],
  3: ['orphanDependents', 'bool?'],
  4: ['propagationPolicy', 'string'],
  5: ['dryRun', 'string', 'list'],
  6: ['ignoreStoreReadErrorWithClusterBreakingPotential', 'bool?'],
});

const messageOf = readMessages(
  { ...coreFields, ...moreCoreFields, ...workloadFields },
  {
    ObjectMeta: metadata,
    LabelSelector: labelSelector,
    MetaCondition: condition,
    DeleteOptions: deleteOptions,
  },
);
/** Objects whose messages are in the tables, by `apiVersion/kind`. */
const tabled: Readonly<Record<string, string>> = {
  'v1/Pod': 'Pod',
  'v1/ResourceQuota': 'ResourceQuota',
  'v1/LimitRange': 'LimitRange',
  'v1/Node': 'Node',
  'v1/Event': 'Event',
  'v1/Endpoints': 'Endpoints',
  'v1/Binding': 'Binding',
  'v1/ReplicationController': 'ReplicationController',
  'apps/v1/Deployment': 'Deployment',
  'apps/v1/ReplicaSet': 'ReplicaSet',
  'apps/v1/DaemonSet': 'DaemonSet',
  'batch/v1/Job': 'Job',
  'policy/v1/PodDisruptionBudget': 'PodDisruptionBudget',
  'policy/v1/Eviction': 'Eviction',
  'scheduling.k8s.io/v1/PriorityClass': 'PriorityClass',
  'coordination.k8s.io/v1/Lease': 'Lease',
  'networking.k8s.io/v1/NetworkPolicy': 'NetworkPolicy',
  'discovery.k8s.io/v1/EndpointSlice': 'EndpointSlice',
  'node.k8s.io/v1/RuntimeClass': 'RuntimeClass',
  'events.k8s.io/v1/Event': 'EventsEvent',
};

/** By `apiVersion/kind`. */
export const protobufMessages: ReadonlyMap<string, Message> = new Map([
  ...accessMessages,
  ...Object.entries(tabled).map(([kind, name]): [string, Message] => [kind, messageOf(name)]),
  ['certificates.k8s.io/v1/CertificateSigningRequest', certificateRequest],
  [
    'v1/ConfigMap',
    message({
      1: ['metadata', metadata],
      2: ['data', 'string', 'map'],
      3: ['binaryData', 'bytes', 'map'],
      4: ['immutable', 'bool?'],
    }),
  ],
  [
    'v1/Secret',
    message({
      1: ['metadata', metadata],
      2: ['data', 'bytes', 'map'],
      3: ['type', 'string'],
      4: ['stringData', 'string', 'map'],
      5: ['immutable', 'bool?'],
    }),
  ],
  [
    'v1/Namespace',
    message({
      1: ['metadata', metadata],
      2: ['spec', message({ 1: ['finalizers', 'string', 'list'] })],
      3: ['status', message({ 1: ['phase', 'string'] })],
    }),
  ],
  [
    'v1/ServiceAccount',
    message({
      1: ['metadata', metadata],
      2: ['secrets', objectReference, 'list'],
      3: ['imagePullSecrets', message({ 1: ['name', 'string'] }), 'list'],
      4: ['automountServiceAccountToken', 'bool?'],
    }),
  ],
  [
    'v1/Service',
    message({
      1: ['metadata', metadata],
      2: ['spec', serviceSpec],
      3: ['status', message({ 1: ['loadBalancer', message({})] })],
    }),
  ],
]);
