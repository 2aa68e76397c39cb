/** `Pod.spec`. */
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
  repeatable,
  string,
  type TypeOf,
} from '../schema.ts';
import { affinity, tolerations, topologySpreadConstraints } from './affinity.ts';
import { container, ephemeralContainer } from './container.ts';
import { localObjectReference } from './reference.ts';
import { quantities, resourceRequirements } from './resources.ts';
import { podSecurityContext } from './security-context.ts';
import { volumes } from './volume.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

export const podDnsConfig = object({
  nameservers: array(string(), 'Addresses of name servers.', atomic),
  searches: array(string(), 'Search domains.', atomic),
  options: array(object({ name: string(), value: string() }), 'Resolver options.', atomic),
});

const hostAlias = object({ ip: string('Address.'), hostnames: array(string(), 'Names of it.', atomic) }, [
  'ip',
]);

const containers = {
  containers: listMap(['name'], container, 'Containers of the pod.'),
  initContainers: listMap(['name'], container, 'Containers run one after the other before the others.'),
  ephemeralContainers: listMap(['name'], ephemeralContainer, 'Containers added to a running pod.'),
};

const placement = {
  nodeName: string('Node the pod is bound to.'),
  nodeSelector: map(string(), 'Labels the node must have.', { 'x-kubernetes-map-type': 'atomic' }),
  affinity,
  tolerations,
  topologySpreadConstraints,
  schedulerName: string('Scheduler that places it.', { default: 'default-scheduler' }),
  schedulingGates: listMap(
    ['name'],
    object({ name: string() }, ['name']),
    'Gates that hold scheduling back.',
  ),
  priorityClassName: string('Priority class.'),
  priority: int32('Priority, from its class.'),
  preemptionPolicy: oneOf(['PreemptLowerPriority', 'Never'], 'Whether it may displace others.'),
  runtimeClassName: string('Runtime class.'),
  overhead: quantities('Resources of the sandbox itself.'),
  schedulingGroup: anyObject('Group that is scheduled together.'),
  workloadRef: anyObject('Workload it belongs to.'),
};

const identity = {
  serviceAccountName: string('Service account it runs as.'),
  serviceAccount: string('Older name of serviceAccountName.'),
  automountServiceAccountToken: boolean('Whether a token is mounted.'),
  imagePullSecrets: repeatable(listMap(['name'], localObjectReference, 'Secrets to pull images with.')),
  securityContext: { ...podSecurityContext, default: {} },
  hostNetwork: boolean('Use the network of the node.'),
  hostPID: boolean('Use the process table of the node.'),
  hostIPC: boolean('Use the IPC of the node.'),
  hostUsers: boolean('Use the users of the node.'),
  shareProcessNamespace: boolean('One process table for all containers.'),
};

const naming = {
  hostname: string('Host name of the pod.'),
  hostnameOverride: string('Host name that overrides all others.'),
  subdomain: string('Subdomain; <hostname>.<subdomain>.<namespace>.svc.'),
  setHostnameAsFQDN: boolean('Use the full name as host name.'),
  dnsPolicy: oneOf(
    ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'],
    'Where names are looked up.',
    {
      default: 'ClusterFirst',
    },
  ),
  dnsConfig: podDnsConfig,
  hostAliases: repeatable(listMap(['ip'], hostAlias, 'Lines of the hosts file.')),
  enableServiceLinks: boolean('Environment variables for every service.', { default: true }),
};

const life = {
  restartPolicy: oneOf(['Always', 'Never', 'OnFailure'], 'What happens when a container ends.', {
    default: 'Always',
  }),
  terminationGracePeriodSeconds: int64('Seconds between asking to stop and killing.', { default: 30 }),
  activeDeadlineSeconds: int64('Seconds after which the pod is failed.'),
  readinessGates: array(
    object({ conditionType: string() }, ['conditionType']),
    'Conditions ready waits for.',
    atomic,
  ),
  os: object({ name: string('linux or windows.') }, ['name']),
};

export const podSpec = object(
  {
    volumes,
    ...containers,
    ...placement,
    ...identity,
    ...naming,
    ...life,
    resources: resourceRequirements,
    resourceClaims: listMap(
      ['name'],
      object({ name: string(), resourceClaimName: string(), resourceClaimTemplateName: string() }, ['name']),
      'Claims of dynamic resource allocation.',
      { 'x-kubernetes-patch-strategy': 'merge,retainKeys' },
    ),
  },
  ['containers'],
  'What is to run.',
);
export type PodSpec = TypeOf<typeof podSpec>;
