/** `VirtualMachineInstance.status`. */
import { conditionList } from '../core/condition.ts';
import { quantities } from '../core/resources.ts';
import {
  array,
  boolean,
  int32,
  int64,
  map,
  object,
  oneOf,
  quantity,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { migrationState } from './migration-state.ts';

const statusInterface = object(
  {
    name: string('Name of the network; empty for an interface only the guest knows.'),
    mac: string('MAC address.'),
    ipAddress: string('First of ipAddresses.'),
    ipAddresses: array(string(), 'Addresses, IPv4 first.'),
    interfaceName: string('Name in the guest, as its agent tells.'),
    podInterfaceName: string('Name in the pod.'),
    infoSource: string('Where this is known from: domain, guest-agent, multus-status, joined by ", ".'),
    queueCount: int32('Queues of the card.'),
    linkState: oneOf(['up', 'down'], 'State of the link.'),
  },
  [],
  'A network card as it was seen.',
);
/** One entry of `status.interfaces`. */
export type VmiStatusInterface = TypeOf<typeof statusInterface>;

const claimInfo = object({
  accessModes: array(string()),
  capacity: quantities('Size of the claim.'),
  claimName: string(),
  filesystemOverhead: string(),
  preallocated: boolean(),
  requests: quantities('Size asked for.'),
  volumeMode: string(),
});

const volumeStatus = object(
  {
    name: string('Name of the volume.'),
    target: string('Device in the guest.'),
    phase: string('Phase of a volume that is plugged in.'),
    reason: string(),
    message: string(),
    size: int64('Bytes.'),
    containerDiskVolume: object({ checksum: int64() }),
    hotplugVolume: object({ attachPodName: string(), attachPodUID: string() }),
    memoryDumpVolume: object({
      claimName: string(),
      startTimestamp: time(),
      endTimestamp: time(),
      targetFileName: string(),
    }),
    persistentVolumeClaimInfo: claimInfo,
  },
  ['name', 'target'],
);

const guestOSInfo = object({
  id: string(),
  name: string(),
  prettyName: string(),
  version: string(),
  versionId: string(),
  kernelRelease: string(),
  kernelVersion: string(),
  machine: string(),
});

export const changedBlockTracking = object(
  {
    state: string(),
    backupStatus: object({
      backupName: string(),
      backupMsg: string(),
      checkpointName: string(),
      completed: boolean(),
      failed: boolean(),
      quiesceStatus: string(),
      startTimestamp: time(),
      endTimestamp: time(),
      volumes: array(object({ volumeName: string() }, ['volumeName'])),
    }),
  },
  ['state'],
);

export const migratedVolumes = array(
  object({ volumeName: string(), sourcePVCInfo: claimInfo, destinationPVCInfo: claimInfo }, ['volumeName']),
  'Volumes that moved with it.',
);

/** Phases of a VirtualMachineInstance, in the order they are gone through. */
const vmiPhases = [
  'Pending',
  'Scheduling',
  'Scheduled',
  'WaitingForSync',
  'Running',
  'Succeeded',
  'Failed',
  'Unknown',
] as const;
export type VmiPhase = (typeof vmiPhases)[number];

const sizes = {
  currentCPUTopology: object({ cores: int64(), sockets: int64(), threads: int64() }),
  memory: object({
    guestAtBoot: quantity(),
    guestCurrent: quantity(),
    guestRequested: quantity(),
    memoryOverhead: quantity(),
  }),
  topologyHints: object({ tscFrequency: int64() }),
  machine: object({ type: string() }),
};

export const virtualMachineInstanceStatus = object(
  {
    phase: oneOf(vmiPhases, 'Where in its life it is.'),
    phaseTransitionTimestamps: array(
      object({ phase: string(), phaseTransitionTimestamp: time() }),
      'When each phase was reached.',
    ),
    conditions: conditionList,
    nodeName: string('Node it runs on.'),
    activePods: map(string(), 'Node by UID of a launcher pod.'),
    interfaces: array(statusInterface, 'Network cards, the one on the pod network first.'),
    guestOSInfo,
    volumeStatus: array(volumeStatus, 'Volumes as they were seen.'),
    migratedVolumes,
    migrationMethod: string('BlockMigration or LiveMigration.'),
    migrationTransport: string('Unix.'),
    migrationState,
    evacuationNodeName: string('Node it must leave.'),
    qosClass: string('Class by requests and limits.'),
    reason: string('Why it is in this state, one word.'),
    launcherContainerImageVersion: string('Image of the launcher.'),
    virtualMachineRevisionName: string('Revision of the virtual machine it was started from.'),
    fsFreezeStatus: string('frozen while file systems are frozen.'),
    runtimeUser: int64('User id that runs it.'),
    selinuxContext: string('SELinux context of the launcher.'),
    VSOCKCID: int64('Context id of VSOCK.'),
    kernelBootStatus: object({
      kernelInfo: object({ checksum: int64() }),
      initrdInfo: object({ checksum: int64() }),
    }),
    changedBlockTracking,
    ...sizes,
  },
  [],
  'What was seen of it.',
);
export type VirtualMachineInstanceStatus = TypeOf<typeof virtualMachineInstanceStatus>;
