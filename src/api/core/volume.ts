/** Volumes of a pod. */
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
} from '../schema.ts';
import { labelSelector } from './label-selector.ts';
import { localObjectReference } from './reference.ts';
import { quantities } from './resources.ts';
import { networkVolumeSources } from './volume-network.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const keyToPath = object(
  {
    key: string('Key to project.'),
    path: string('Relative file path.'),
    mode: int32('Mode bits of the file.'),
  },
  ['key', 'path'],
);
const items = array(keyToPath, 'Keys to project; all when empty.', atomic);
const defaultMode = int32('Mode bits of the files.', { default: 420 });

const fieldRef = object(
  {
    apiVersion: string('Version the path is written in.', { default: 'v1' }),
    fieldPath: string('Field of the pod, such as metadata.name.'),
  },
  ['fieldPath'],
  'A field of the pod.',
  { 'x-kubernetes-map-type': 'atomic' },
);
const resourceFieldRef = object(
  {
    containerName: string('Container; optional for environment variables.'),
    resource: string('Resource, such as limits.cpu.'),
    divisor: quantity('Unit of the value.'),
  },
  ['resource'],
  'A resource of a container.',
  { 'x-kubernetes-map-type': 'atomic' },
);

export const fieldSources = { fieldRef, resourceFieldRef };

const downwardFiles = array(
  object({ path: string('Relative file path.'), ...fieldSources, mode: int32('Mode bits of the file.') }, [
    'path',
  ]),
  'Files made of fields.',
  atomic,
);

const optional = boolean('Whether the object or its keys may be missing.');
const name = string('Name of the object.', { default: '' });

const projectedSource = object({
  configMap: object({ name, items, optional }),
  secret: object({ name, items, optional }),
  downwardAPI: object({ items: downwardFiles }),
  serviceAccountToken: object(
    {
      audience: string('Intended audience of the token.'),
      expirationSeconds: int64('Requested life time in seconds.', { default: 3600 }),
      path: string('Relative file path.'),
    },
    ['path'],
  ),
  clusterTrustBundle: object(
    {
      name: string(),
      signerName: string(),
      labelSelector,
      optional: boolean(),
      path: string('Relative file path.'),
    },
    ['path'],
  ),
  podCertificate: object(
    {
      signerName: string(),
      keyType: string(),
      maxExpirationSeconds: int32(),
      credentialBundlePath: string(),
      keyPath: string(),
      certificateChainPath: string(),
      userAnnotations: map(string()),
    },
    ['signerName', 'keyType'],
  ),
});

/** Spec of the claim that an `ephemeral` volume makes. */
export const persistentVolumeClaimSpec = object({
  accessModes: array(string(), 'ReadWriteOnce, ReadOnlyMany, ReadWriteMany, ReadWriteOncePod.', atomic),
  dataSource: anyObject('Object the volume is filled from.'),
  dataSourceRef: anyObject('Object the volume is filled from.'),
  resources: object({ limits: quantities('Most storage.'), requests: quantities('Storage asked for.') }),
  selector: labelSelector,
  storageClassName: string('Class of the storage.'),
  volumeAttributesClassName: string('Class of volume attributes.'),
  volumeMode: oneOf(['Block', 'Filesystem'], 'Block device or file system.'),
  volumeName: string('Volume to bind to.'),
});

const volumeSources = {
  emptyDir: object({ medium: string('Memory for tmpfs.'), sizeLimit: quantity('Largest size.') }),
  hostPath: object(
    {
      path: string('Path on the node.'),
      type: oneOf(
        ['', 'DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'],
        'What must be there.',
        { default: '' },
      ),
    },
    ['path'],
  ),
  configMap: object({ name, items, defaultMode, optional }),
  secret: object({ secretName: string('Name of the Secret.'), items, defaultMode, optional }),
  downwardAPI: object({ items: downwardFiles, defaultMode }),
  projected: object({ sources: array(projectedSource, 'What is put together.', atomic), defaultMode }),
  persistentVolumeClaim: object({ claimName: string('Name of the claim.'), readOnly: boolean() }, [
    'claimName',
  ]),
  ephemeral: object({
    volumeClaimTemplate: object(
      { metadata: anyObject('Labels and annotations.'), spec: persistentVolumeClaimSpec },
      ['spec'],
    ),
  }),
  csi: object(
    {
      driver: string('Name of the driver.'),
      fsType: string(),
      readOnly: boolean(),
      volumeAttributes: map(string()),
      nodePublishSecretRef: localObjectReference,
    },
    ['driver'],
  ),
  image: object({
    reference: string('OCI reference.'),
    pullPolicy: oneOf(['Always', 'Never', 'IfNotPresent'], 'When it is pulled.'),
  }),
  nfs: object(
    { server: string('Host of the server.'), path: string('Exported path.'), readOnly: boolean() },
    ['server', 'path'],
  ),
};

/** A volume: a name and one source. */
const volume = object({ name: string('Name, a DNS label.'), ...volumeSources, ...networkVolumeSources }, [
  'name',
]);

export const volumes = listMap(['name'], volume, 'Volumes containers may mount.', {
  'x-kubernetes-patch-strategy': 'merge,retainKeys',
});
