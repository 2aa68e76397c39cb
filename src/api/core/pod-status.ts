/** `Pod.status`. */
import {
  anyObject,
  array,
  boolean,
  int32,
  int64,
  listMap,
  map,
  object,
  oneOf,
  quantity,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { conditions } from './condition.ts';
import { quantities, resourceRequirements } from './resources.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const containerState = object({
  waiting: object({ reason: string(), message: string() }),
  running: object({ startedAt: time() }),
  terminated: object(
    {
      exitCode: int32(),
      signal: int32(),
      reason: string(),
      message: string(),
      startedAt: { ...time(), nullable: true },
      finishedAt: { ...time(), nullable: true },
      containerID: string(),
    },
    ['exitCode'],
  ),
});

const containerUser = object({
  linux: object({ uid: int64(), gid: int64(), supplementalGroups: array(int64(), undefined, atomic) }, [
    'uid',
    'gid',
  ]),
});

const containerStatus = object(
  {
    name: string('Name of the container.'),
    state: containerState,
    lastState: containerState,
    ready: boolean('Whether its readiness probe passes.'),
    restartCount: int32('How often it was started again.'),
    image: string('Image that runs.'),
    imageID: string('Digest of the image.'),
    containerID: string('Id of the container.'),
    started: boolean('Whether it has started up.'),
    allocatedResources: map(quantity()),
    allocatedResourcesStatus: listMap(
      ['name'],
      object(
        {
          name: string(),
          resources: listMap(
            ['resourceID'],
            object({ resourceID: string(), health: string(), message: string() }, ['resourceID']),
          ),
        },
        ['name'],
      ),
    ),
    resources: resourceRequirements,
    stopSignal: string(),
    user: containerUser,
    volumeMounts: listMap(
      ['mountPath'],
      object(
        {
          name: string(),
          mountPath: string(),
          readOnly: boolean(),
          recursiveReadOnly: string(),
          volumeStatus: object({ image: object({ imageRef: string() }) }),
        },
        ['name', 'mountPath'],
      ),
    ),
  },
  ['name', 'ready', 'restartCount', 'image', 'imageID'],
);
export type ContainerStatus = TypeOf<typeof containerStatus>;

const containerStatuses = (description: string) => array(containerStatus, description, atomic);

export const podStatus = object({
  observedGeneration: int64('Generation of the spec that was looked at.'),
  phase: oneOf(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'], 'Where in its life the pod is.'),
  conditions,
  message: string('Why it is in this state, in words.'),
  reason: string('Why it is in this state, one word.'),
  nominatedNodeName: string('Node on which room is made for it.'),
  hostIP: string('Address of the node.'),
  hostIPs: array(object({ ip: string() }, ['ip']), 'Addresses of the node.', {
    ...atomic,
    'x-kubernetes-patch-merge-key': 'ip',
    'x-kubernetes-patch-strategy': 'merge',
  }),
  podIP: string('Address of the pod.'),
  podIPs: listMap(['ip'], object({ ip: string() }, ['ip']), 'Addresses of the pod, at most one per family.'),
  startTime: { ...time('When the node took it on.'), nullable: true },
  initContainerStatuses: containerStatuses('Init containers.'),
  containerStatuses: containerStatuses('Containers.'),
  ephemeralContainerStatuses: containerStatuses('Ephemeral containers.'),
  qosClass: oneOf(['Guaranteed', 'Burstable', 'BestEffort'], 'Class by requests and limits.'),
  resize: string('State of a resize.'),
  resourceClaimStatuses: listMap(
    ['name'],
    object({ name: string(), resourceClaimName: string() }, ['name']),
    'Claims made for it.',
    { 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
  ),
  extendedResourceClaimStatus: object(
    {
      requestMappings: array(
        object({ containerName: string(), resourceName: string(), requestName: string() }, [
          'containerName',
          'resourceName',
          'requestName',
        ]),
        undefined,
        atomic,
      ),
      resourceClaimName: string(),
    },
    ['requestMappings', 'resourceClaimName'],
  ),
  nodeAllocatableResourceClaimStatuses: array(anyObject('A claim and what it takes.'), undefined, atomic),
  allocatedResources: quantities('Resources set aside on the node.'),
  resources: resourceRequirements,
});
export type PodStatus = TypeOf<typeof podStatus>;
