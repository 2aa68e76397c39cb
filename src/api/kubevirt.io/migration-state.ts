/** `VirtualMachineInstance.status.migrationState`: the last or running live migration. */
import {
  anyObject,
  array,
  boolean,
  int32,
  map,
  object,
  quantity,
  string,
  type TypeOf,
  time,
} from '../schema.ts';

const endState = {
  node: string(),
  pod: string(),
  migrationUID: string(),
  virtualMachineInstanceUID: string(),
  domainName: string(),
  domainNamespace: string(),
  persistentStatePVCName: string(),
  selinuxContext: string(),
  syncAddress: string(),
};

const sourceState = object({ ...endState, nodeSelectors: map(string()) });
const targetState = object({
  ...endState,
  attachmentPodUID: string(),
  cpuSet: array(int32()),
  directMigrationNodePorts: map(int32()),
  domainDetected: boolean(),
  domainReadyTimestamp: time(),
  nodeAddress: string(),
  nodeTopology: string(),
});

export const migrationState = object(
  {
    migrationUid: string('UID of the migration.'),
    startTimestamp: time('When it started.'),
    endTimestamp: time('When it ended.'),
    completed: boolean('Whether it has ended.'),
    failed: boolean('Whether it failed.'),
    failureReason: string('Why it failed.'),
    abortRequested: boolean(),
    abortStatus: string(),
    mode: string('PreCopy, PostCopy or Paused.'),
    migrationPolicyName: string(),
    migrationConfiguration: anyObject('Configuration in force.'),
    migrationNetworkType: string(),
    sourceNode: string('Node it leaves.'),
    sourcePod: string('Launcher pod it leaves.'),
    sourcePersistentStatePVCName: string(),
    sourceState,
    targetNode: string('Node it goes to.'),
    targetPod: string('Launcher pod it goes to.'),
    targetNodeAddress: string('Address of the node it goes to.'),
    targetAttachmentPodUID: string(),
    targetCPUSet: array(int32()),
    targetDirectMigrationNodePorts: map(int32()),
    targetMemoryOverhead: quantity(),
    targetNodeDomainDetected: boolean(),
    targetNodeDomainReadyTimestamp: time(),
    targetNodeTopology: string(),
    targetPersistentStatePVCName: string(),
    targetState,
  },
  [],
  'The last or running live migration.',
);
export type MigrationState = TypeOf<typeof migrationState>;
