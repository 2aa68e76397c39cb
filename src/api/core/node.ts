import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, int32, int64, object, oneOf, setOf, string, type TypeOf, time } from '../schema.ts';
import { conditions } from './condition.ts';
import { nodeColumns } from './node-columns.ts';
import { quantities } from './resources.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const taint = object(
  {
    key: string('Key of the taint.'),
    value: string('Value of the taint.'),
    effect: oneOf(
      ['NoSchedule', 'PreferNoSchedule', 'NoExecute'],
      'What happens to pods that do not tolerate it.',
    ),
    timeAdded: time('When it was put on.'),
  },
  ['key', 'effect'],
);

const configMapNodeConfigSource = object(
  {
    namespace: string(),
    name: string(),
    uid: string(),
    resourceVersion: string(),
    kubeletConfigKey: string(),
  },
  ['namespace', 'name', 'kubeletConfigKey'],
);
const nodeConfigSource = object({ configMap: configMapNodeConfigSource });

const spec = object({
  podCIDR: string('Range of the pods of the node.'),
  podCIDRs: setOf(string(), 'Ranges of the pods of the node, one per family.'),
  providerID: string('Id of the machine at its provider.'),
  unschedulable: boolean('Keep new pods away.'),
  taints: array(taint, 'Taints of the node.', atomic),
  configSource: nodeConfigSource,
  externalID: string('No longer used.'),
});

const nodeInfo = object({
  machineID: string(),
  systemUUID: string(),
  bootID: string(),
  kernelVersion: string(),
  osImage: string(),
  containerRuntimeVersion: string(),
  kubeletVersion: string(),
  kubeProxyVersion: string(),
  operatingSystem: string(),
  architecture: string(),
  swap: object({ capacity: int64() }),
});

const status = object({
  capacity: quantities('All resources of the node.'),
  allocatable: quantities('Resources that pods may have.'),
  phase: string('No longer used.'),
  conditions,
  // Upstream declares `type` as the key and says itself that it is none: a dual-stack node has two of one type.
  addresses: array(
    object(
      { type: string('Hostname, InternalIP, ExternalIP, InternalDNS, ExternalDNS.'), address: string() },
      ['type', 'address'],
    ),
    'Addresses of the node.',
    atomic,
  ),
  daemonEndpoints: object({ kubeletEndpoint: object({ Port: int32('Port of the node agent.') }, ['Port']) }),
  nodeInfo,
  images: array(
    object({ names: array(string(), undefined, atomic), sizeBytes: int64() }),
    'Images on it.',
    atomic,
  ),
  volumesInUse: array(string(), undefined, atomic),
  volumesAttached: array(
    object({ name: string(), devicePath: string() }, ['name', 'devicePath']),
    undefined,
    atomic,
  ),
  config: object({
    assigned: nodeConfigSource,
    active: nodeConfigSource,
    lastKnownGood: nodeConfigSource,
    error: string(),
  }),
  runtimeHandlers: array(
    object({
      name: string(),
      features: object({ recursiveReadOnlyMounts: boolean(), userNamespaces: boolean() }),
    }),
    undefined,
    atomic,
  ),
  features: object({ supplementalGroupsPolicy: boolean() }),
  declaredFeatures: array(string(), undefined, atomic),
});

const schema = object({ spec, status }, [], 'A machine that runs pods.');

/** A machine that runs pods. */
export type Node = KubeObject & TypeOf<typeof schema>;
/** What the node's agent reports. */
export type NodeStatus = TypeOf<typeof status>;

export const node: KindDefinition<Node> = {
  group: '',
  version: 'v1',
  kind: 'Node',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  namespaced: false,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: nodeColumns,
  selectableFields: ['spec.unschedulable'],
  selectableValues: { 'spec.unschedulable': { absent: 'false' } },
};
