/** NoCloud and config drive volumes (cloud-init's data sources), as KubeVirt's launcher makes them. */
import { createHash } from 'node:crypto';
import { PatchbayError } from '#machinery/errors.ts';
import type { VmSeed } from '#node-state/vm.ts';
import { MAX_SEED_BYTES, type SeedImage } from './driver.ts';
import { type IsoFiles, isoImage } from './iso.ts';

/**
 * The image of a seed volume, label `cidata` or `config-2`. Equal seeds give equal bytes.
 * @throws PatchbayError `SeedTooLarge`
 */
export const composeSeedImage: SeedImage = (seed) => {
  checkSize(seed.volumeName, 'userData', seed.userData);
  checkSize(seed.volumeName, 'networkData', seed.networkData ?? '');
  return seed.format === 'nocloud'
    ? isoImage('cidata', noCloudFiles(seed))
    : isoImage('config-2', configDriveFiles(seed));
};

function noCloudFiles(seed: VmSeed): IsoFiles {
  // Quoted as in JSON, so that no name becomes a number or a date.
  const metaData = `instance-id: ${JSON.stringify(seed.instanceId)}\nlocal-hostname: ${JSON.stringify(seed.hostname)}\n`;
  return {
    'meta-data': Buffer.from(metaData),
    'user-data': Buffer.from(seed.userData),
    ...(seed.networkData === undefined ? {} : { 'network-config': Buffer.from(seed.networkData) }),
  };
}

function configDriveFiles(seed: VmSeed): IsoFiles {
  const metaData = {
    instance_id: seed.instanceId,
    uuid: instanceUuid(seed.instanceId),
    hostname: seed.hostname,
    'local-hostname': seed.hostname,
  };
  return {
    'openstack/latest/meta_data.json': Buffer.from(`${JSON.stringify(metaData, null, 1)}\n`),
    'openstack/latest/user_data': Buffer.from(seed.userData),
    ...(seed.networkData === undefined
      ? {}
      : { 'openstack/latest/network_data.json': Buffer.from(seed.networkData) }),
  };
}

function checkSize(volume: string, what: string, text: string): void {
  const size = Buffer.byteLength(text);
  if (size > MAX_SEED_BYTES) {
    throw new PatchbayError(
      'SeedTooLarge',
      `volume ${volume}: ${what} has ${size} bytes; allowed: at most ${MAX_SEED_BYTES}. Fetch the rest from inside the guest`,
      { retryable: false },
    );
  }
}

/** Name space of KubeVirt's instance ids ("firmware uuid" of the machine's name). */
const NAMESPACE = '6a1a24a1-4061-4607-8bf4-a3963d0c5895';

/** Version 5 UUID of a VirtualMachineInstance's name: the same machine has the same id at every start. */
export function instanceUuid(name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(NAMESPACE.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
    .subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
