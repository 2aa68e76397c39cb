/** `spec.dataVolumeTemplates[]` of a VirtualMachine: disks that are made with it. */
import { persistentVolumeClaimSpec } from '../core/volume.ts';
import { anyObject, array, boolean, object, string, type TypeOf } from '../schema.ts';

const url = string('URL of the source.');
const secretRef = string('Secret with the credentials.');
const certConfigMap = string('ConfigMap with the certificate authority.');
const fromObject = object({ namespace: string(), name: string() }, ['namespace', 'name']);

const source = object({
  blank: object({}, [], 'An empty disk.'),
  http: object(
    { url, secretRef, certConfigMap, extraHeaders: array(string()), secretExtraHeaders: array(string()) },
    ['url'],
  ),
  registry: object({
    url,
    imageStream: string(),
    pullMethod: string(),
    secretRef,
    certConfigMap,
    platform: object({ architecture: string() }),
  }),
  pvc: fromObject,
  snapshot: fromObject,
  s3: object({ url, secretRef, certConfigMap }, ['url']),
  gcs: object({ url, secretRef }, ['url']),
  imageio: object({ url, diskId: string(), secretRef, certConfigMap, insecureSkipVerify: boolean() }, [
    'url',
    'diskId',
  ]),
  vddk: object({
    url,
    uuid: string(),
    backingFile: string(),
    thumbprint: string(),
    secretRef,
    initImageURL: string(),
    extraArgs: string(),
  }),
  upload: object({}, [], 'A disk that is uploaded.'),
});

export const dataVolumeTemplate = object(
  {
    apiVersion: string(),
    kind: string(),
    metadata: anyObject('Name, labels and annotations.'),
    spec: object({
      source,
      sourceRef: object({ kind: string(), namespace: string(), name: string() }, ['kind', 'name']),
      pvc: persistentVolumeClaimSpec,
      storage: persistentVolumeClaimSpec,
      contentType: string('kubevirt or archive.'),
      preallocation: boolean(),
      priorityClassName: string(),
      checkpoints: array(object({ previous: string(), current: string() }, ['previous', 'current'])),
      finalCheckpoint: boolean(),
    }),
    status: anyObject('Not used.'),
  },
  ['spec'],
  'A disk that is made with the virtual machine.',
);
export type DataVolumeTemplate = TypeOf<typeof dataVolumeTemplate>;
