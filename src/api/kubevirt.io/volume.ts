/** `spec.volumes[]`: where the contents of disks come from. */
import { localObjectReference } from '../core/reference.ts';
import { anyObject, array, boolean, object, oneOf, quantity, string, type TypeOf } from '../schema.ts';

const cloudInit = {
  userData: string('User data as text.'),
  userDataBase64: string('User data, base64.'),
  secretRef: { ...localObjectReference, description: 'Secret with the user data under the key userdata.' },
  networkData: string('Network configuration as text.'),
  networkDataBase64: string('Network configuration, base64.'),
  networkDataSecretRef: {
    ...localObjectReference,
    description: 'Secret with the network configuration under the key networkdata.',
  },
};

const cloudInitSource = object(cloudInit);
export type CloudInitSource = TypeOf<typeof cloudInitSource>;

const hotpluggable = boolean('Whether it can be taken off a running virtual machine.');
const volumeLabel = string('Label of the volume in the guest.');

const persistentVolumeClaim = object(
  { claimName: string('Name of the claim.'), readOnly: boolean('Attach read-only.'), hotpluggable },
  ['claimName'],
);

const imagePull = {
  imagePullPolicy: oneOf(['Always', 'Never', 'IfNotPresent'], 'When the image is pulled.'),
  imagePullSecret: string('Secret to pull the image with.'),
};

export const volumeSources = {
  containerDisk: object(
    {
      image: string('OCI reference of the image with the disk.'),
      path: string('Disk in the image.'),
      ...imagePull,
    },
    ['image'],
    'A disk from an image; changes are lost on stop.',
  ),
  cloudInitNoCloud: { ...cloudInitSource, description: 'cloud-init data, labelled cidata.' },
  cloudInitConfigDrive: { ...cloudInitSource, description: 'cloud-init data, labelled config-2.' },
  persistentVolumeClaim: { ...persistentVolumeClaim, description: 'A disk that stays.' },
  dataVolume: object(
    { name: string('Name of the DataVolume.'), hotpluggable },
    ['name'],
    'A disk that is imported.',
  ),
  emptyDisk: object({ capacity: quantity('Size of the disk.') }, ['capacity'], 'An empty disk.'),
  ephemeral: object({ persistentVolumeClaim }, [], 'A copy of a claim; changes are lost on stop.'),
  hostDisk: object(
    {
      path: string('Path of the image on the node.'),
      type: oneOf(['Disk', 'DiskOrCreate'], 'Whether it is made when missing.'),
      capacity: quantity('Size when it is made.'),
      shared: boolean('Whether it is shared between nodes.'),
    },
    ['path', 'type'],
    'A disk on the node.',
  ),
  configMap: object({ name: string('Name of the ConfigMap.'), optional: boolean(), volumeLabel }),
  secret: object({ secretName: string('Name of the Secret.'), optional: boolean(), volumeLabel }),
  serviceAccount: object({ serviceAccountName: string('Name of the service account.') }),
  downwardAPI: object({ fields: array(anyObject('Path and field.')), volumeLabel }),
  downwardMetrics: object({}, [], 'Metrics of the node for the guest.'),
  sysprep: object(
    { configMap: localObjectReference, secret: localObjectReference },
    [],
    'Answer file of Windows.',
  ),
  memoryDump: object({ claimName: string('Name of the claim.'), readOnly: boolean(), hotpluggable }, [
    'claimName',
  ]),
  containerPath: object({ path: string('Path in the launcher.'), readOnly: boolean() }, ['path']),
};

export const vmiVolume = object(
  { name: string('Name; the disk of the same name shows it.'), ...volumeSources },
  ['name'],
);
export type VmiVolume = TypeOf<typeof vmiVolume>;

export const utilityVolume = object(
  {
    name: string('Name of the volume.'),
    claimName: string('Name of the claim.'),
    readOnly: boolean('Attach read-only.'),
    type: string('What it is for.'),
  },
  ['name', 'claimName'],
);
