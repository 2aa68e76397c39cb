/** `VirtualMachine.status`. */
import { conditionList } from '../core/condition.ts';
import {
  anyObject,
  array,
  boolean,
  int32,
  int64,
  map,
  object,
  oneOf,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { changedBlockTracking, migratedVolumes } from './virtual-machine-instance-status.ts';

/** What `kubectl get vm` shows as STATUS. */
const printableStatuses = [
  'Stopped',
  'Provisioning',
  'Starting',
  'Running',
  'Paused',
  'Stopping',
  'Terminating',
  'CrashLoopBackOff',
  'Migrating',
  'Unknown',
  'ErrorUnschedulable',
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrorPvcNotFound',
  'DataVolumeError',
  'WaitingForVolumeBinding',
  'WaitingForReceiver',
] as const;
export type PrintableStatus = (typeof printableStatuses)[number];

const matcherStatus = object({
  name: string(),
  kind: string(),
  inferFromVolume: string(),
  inferFromVolumeFailurePolicy: string(),
  controllerRevisionRef: object({ name: string() }),
});

const stateChangeRequest = object(
  {
    action: oneOf(['Start', 'Stop'], 'What is asked for.'),
    uid: string('UID of the instance it is about.'),
    data: map(string(), 'Options of the request.'),
  },
  ['action'],
);

export const virtualMachineStatus = object(
  {
    printableStatus: oneOf(printableStatuses, 'State in one word.', { default: 'Stopped' }),
    created: boolean('Whether there is an instance.'),
    ready: boolean('Whether the instance runs and is ready.'),
    runStrategy: oneOf(
      ['Always', 'RerunOnFailure', 'Manual', 'Once', 'Halted', 'WaitAsReceiver'],
      'Strategy that was last acted on.',
    ),
    conditions: conditionList,
    stateChangeRequests: array(stateChangeRequest, 'Starts and stops that were asked for.'),
    startFailure: object({
      consecutiveFailCount: int32('Failures in a row.'),
      lastFailedVMIUID: string('UID of the last instance that failed.'),
      retryAfterTimestamp: time('When it is tried again.'),
    }),
    observedGeneration: int64('Generation that was acted on.'),
    desiredGeneration: int64('Generation that is wanted.'),
    volumeRequests: array(
      object({
        addVolumeOptions: anyObject('Volume to plug in.'),
        removeVolumeOptions: anyObject('Volume to take off.'),
      }),
      'Volumes that are to be plugged in or taken off.',
    ),
    volumeSnapshotStatuses: array(
      object({ name: string(), enabled: boolean(), reason: string() }, ['name', 'enabled']),
      'Whether volumes can be snapshot.',
    ),
    volumeUpdateState: object({ volumeMigrationState: object({ migratedVolumes }) }),
    memoryDumpRequest: object(
      {
        claimName: string(),
        phase: string(),
        remove: boolean(),
        startTimestamp: time(),
        endTimestamp: time(),
        fileName: string(),
        message: string(),
      },
      ['claimName', 'phase'],
    ),
    snapshotInProgress: string('Name of the snapshot being taken.'),
    restoreInProgress: string('Name of the restore in progress.'),
    instancetypeRef: matcherStatus,
    preferenceRef: matcherStatus,
    changedBlockTracking,
  },
  [],
  'What was seen of it.',
);
export type VirtualMachineStatus = TypeOf<typeof virtualMachineStatus>;
