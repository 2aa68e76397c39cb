/** Volume sources of network storage: accepted so that manifests pass; nothing here mounts them. */
import { array, boolean, int32, map, object, string } from '../schema.ts';
import { localObjectReference } from './reference.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;
const fsType = string('File system type.');
const readOnly = boolean('Mount read-only.');
const secretRef = localObjectReference;

export const networkVolumeSources = {
  iscsi: object(
    {
      targetPortal: string(),
      iqn: string(),
      lun: int32(),
      iscsiInterface: string('iSCSI interface.', { default: 'default' }),
      fsType,
      readOnly,
      portals: array(string(), 'Further portals.', atomic),
      chapAuthDiscovery: boolean(),
      chapAuthSession: boolean(),
      secretRef,
      initiatorName: string(),
    },
    ['targetPortal', 'iqn', 'lun'],
  ),
  fc: object({
    targetWWNs: array(string(), undefined, atomic),
    lun: int32(),
    fsType,
    readOnly,
    wwids: array(string(), undefined, atomic),
  }),
  rbd: object(
    {
      monitors: array(string(), undefined, atomic),
      image: string(),
      fsType,
      pool: string('Pool.', { default: 'rbd' }),
      user: string('User.', { default: 'admin' }),
      keyring: string('Key file.', { default: '/etc/ceph/keyring' }),
      secretRef,
      readOnly,
    },
    ['monitors', 'image'],
  ),
  cephfs: object(
    {
      monitors: array(string(), undefined, atomic),
      path: string(),
      user: string(),
      secretFile: string(),
      secretRef,
      readOnly,
    },
    ['monitors'],
  ),
  glusterfs: object({ endpoints: string(), path: string(), readOnly }, ['endpoints', 'path']),
  cinder: object({ volumeID: string(), fsType, readOnly, secretRef }, ['volumeID']),
  flexVolume: object({ driver: string(), fsType, secretRef, readOnly, options: map(string()) }, ['driver']),
  flocker: object({ datasetName: string(), datasetUUID: string() }),
  gitRepo: object({ repository: string(), revision: string(), directory: string() }, ['repository']),
  quobyte: object(
    { registry: string(), volume: string(), readOnly, user: string(), group: string(), tenant: string() },
    ['registry', 'volume'],
  ),
  awsElasticBlockStore: object({ volumeID: string(), fsType, partition: int32(), readOnly }, ['volumeID']),
  gcePersistentDisk: object({ pdName: string(), fsType, partition: int32(), readOnly }, ['pdName']),
  azureDisk: object(
    { diskName: string(), diskURI: string(), cachingMode: string(), fsType, readOnly, kind: string() },
    ['diskName', 'diskURI'],
  ),
  azureFile: object({ secretName: string(), shareName: string(), readOnly }, ['secretName', 'shareName']),
  vsphereVolume: object(
    { volumePath: string(), fsType, storagePolicyName: string(), storagePolicyID: string() },
    ['volumePath'],
  ),
  photonPersistentDisk: object({ pdID: string(), fsType }, ['pdID']),
  portworxVolume: object({ volumeID: string(), fsType, readOnly }, ['volumeID']),
  scaleIO: object(
    {
      gateway: string(),
      system: string(),
      secretRef,
      sslEnabled: boolean(),
      protectionDomain: string(),
      storagePool: string(),
      storageMode: string(),
      volumeName: string(),
      fsType,
      readOnly,
    },
    ['gateway', 'system', 'secretRef'],
  ),
  storageos: object({ volumeName: string(), volumeNamespace: string(), fsType, readOnly, secretRef }),
};
