/** `VirtualMachineInstance.spec`, which is also `VirtualMachine.spec.template.spec`. */
import { affinity, tolerations, topologySpreadConstraints } from '../core/affinity.ts';
import { podDnsConfig } from '../core/pod-spec.ts';
import { execAction, httpGetAction, tcpSocketAction } from '../core/probe.ts';
import { array, int32, int64, map, object, oneOf, string, type TypeOf } from '../schema.ts';
import { accessCredential } from './access-credential.ts';
import { domain } from './domain.ts';
import { vmiNetwork } from './network.ts';
import { utilityVolume, vmiVolume } from './volume.ts';

const probe = object(
  {
    exec: execAction,
    httpGet: httpGetAction,
    tcpSocket: tcpSocketAction,
    guestAgentPing: object({}, [], 'The guest agent answers.'),
    initialDelaySeconds: int32('Seconds after start before the first probe.'),
    timeoutSeconds: int32('Seconds until a probe has failed.'),
    periodSeconds: int32('Seconds between probes.'),
    successThreshold: int32('Successes in a row that count as success.'),
    failureThreshold: int32('Failures in a row that count as failure.'),
  },
  [],
  'A periodic check of the guest.',
);

const placement = {
  nodeSelector: map(string(), 'Labels the node must have.'),
  affinity,
  tolerations,
  topologySpreadConstraints,
  schedulerName: string('Scheduler that places it.'),
  priorityClassName: string('Priority class.'),
  architecture: string('Architecture of the guest.'),
};

export const virtualMachineInstanceSpec = object(
  {
    domain,
    networks: array(vmiNetwork, 'Networks of the guest, one for each interface.'),
    volumes: array(vmiVolume, 'Contents of the disks.'),
    utilityVolumes: array(utilityVolume, 'Volumes of the launcher.'),
    accessCredentials: array(accessCredential, 'Keys and passwords put into the guest.'),
    ...placement,
    hostname: string('Host name of the guest; the name of the virtual machine when empty.'),
    subdomain: string('Subdomain; <hostname>.<subdomain>.<namespace>.svc.'),
    dnsPolicy: oneOf(
      ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'],
      'Where names are looked up.',
    ),
    dnsConfig: podDnsConfig,
    serviceAccountName: string('Service account of the launcher.'),
    terminationGracePeriodSeconds: int64('Seconds between asking to shut down and killing; 30 when empty.'),
    evictionStrategy: oneOf(
      ['LiveMigrate', 'LiveMigrateIfPossible', 'None', 'External'],
      'What happens when its node is drained.',
    ),
    startStrategy: oneOf(['Paused'], 'Start without running.'),
    livenessProbe: probe,
    readinessProbe: probe,
    resourceClaims: array(
      object({ name: string(), resourceClaimName: string(), resourceClaimTemplateName: string() }, ['name']),
      'Claims of dynamic resource allocation.',
    ),
  },
  ['domain'],
  'The virtual machine to run.',
);
/** `spec` of a VirtualMachineInstance. */
export type VirtualMachineInstanceSpec = TypeOf<typeof virtualMachineInstanceSpec>;
