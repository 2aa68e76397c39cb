/** Rules for `spec.volumes[]` and the disks that show them. KubeVirt vmi-create-admitter.go. */
import { duplicate, forbidden, invalid, nearest, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { quantityCauses } from '../../quantity.ts';
import { type VmiVolume, volumeSources } from '../volume.ts';
import { forEachRepeat, type SpecRule } from './rule.ts';

const SOURCES = Object.keys(volumeSources) as (keyof typeof volumeSources)[];

/** Volume names are unique. */
export const uniqueVolumeNames: SpecRule = ({ volumes = [] }, path) => {
  const causes: Cause[] = [];
  forEachRepeat(
    volumes,
    ({ name }) => name,
    (index, first) =>
      causes.push(
        duplicate(
          `${path}.volumes[${index}].name`,
          volumes[index]?.name,
          `${path}.volumes[${first}] has the same name; rename one of the two and its disk`,
        ),
      ),
  );
  return causes;
};

/** Every volume has exactly one source, and what that needs. */
export const volumeContents: SpecRule = ({ volumes = [] }, path) =>
  volumes.flatMap((volume, index) => {
    const field = `${path}.volumes[${index}]`;
    const given = SOURCES.filter((source) => volume[source] !== undefined);
    if (given.length === 1) return sourceCauses(volume, field);
    const has = given.length === 0 ? 'none' : given.join(' and ');
    const allowed =
      'containerDisk, persistentVolumeClaim, dataVolume, cloudInitNoCloud, emptyDisk, configMap, …';
    return [
      invalid(
        field,
        volume.name,
        `must have exactly one source type set, has ${has}; give one of ${allowed}`,
      ),
    ];
  });

function sourceCauses(volume: VmiVolume, field: string): readonly Cause[] {
  const {
    containerDisk,
    persistentVolumeClaim,
    dataVolume,
    emptyDisk,
    hostDisk,
    configMap,
    secret,
    serviceAccount,
  } = volume;
  const missing = [
    containerDisk?.image === '' && `${field}.containerDisk.image`,
    persistentVolumeClaim?.claimName === '' && `${field}.persistentVolumeClaim.claimName`,
    dataVolume?.name === '' && `${field}.dataVolume.name`,
    hostDisk?.path === '' && `${field}.hostDisk.path`,
    configMap !== undefined && !configMap.name && `${field}.configMap.name`,
    secret !== undefined && !secret.secretName && `${field}.secret.secretName`,
    serviceAccount !== undefined &&
      !serviceAccount.serviceAccountName &&
      `${field}.serviceAccount.serviceAccountName`,
  ].filter((path) => typeof path === 'string');
  return [
    ...missing.map((path) => required(path, 'must be given, the volume has no contents without it')),
    ...quantityCauses(`${field}.emptyDisk.capacity`, emptyDisk?.capacity),
    ...(hostDisk?.path !== undefined &&
    hostDisk.path !== '' &&
    !/^\/(?!.*(?:^|\/)\.\.(?:\/|$))/.test(hostDisk.path)
      ? [invalid(`${field}.hostDisk.path`, hostDisk.path, "must be an absolute path without '..'")]
      : []),
    ...(hostDisk?.capacity !== undefined && hostDisk.type === 'Disk'
      ? [
          forbidden(
            `${field}.hostDisk.capacity`,
            'only with type DiskOrCreate; change the type or remove the capacity',
          ),
        ]
      : []),
  ];
}

/** At most one serviceAccount, downwardMetrics and memoryDump volume. */
export const singularVolumes: SpecRule = ({ volumes = [] }, path) =>
  (['serviceAccount', 'downwardMetrics', 'memoryDump'] as const).flatMap((source) =>
    volumes
      .map((volume, index) => ({ volume, field: `${path}.volumes[${index}].${source}` }))
      .filter(({ volume }) => volume[source] !== undefined)
      .slice(1)
      .map(({ field }) =>
        forbidden(field, `there must be at most one volume of this kind; remove all but one`),
      ),
  );

/** Disk names are unique and name a volume; every volume is shown (one without a disk gets one by default). */
export const disksHaveVolumes: SpecRule = ({ domain: { devices }, volumes = [] }, path) => {
  const names = volumes.map(({ name }) => name);
  const { disks = [], filesystems = [] } = devices;
  const causes: Cause[] = [];
  for (const [list, items] of [
    ['disks', disks],
    ['filesystems', filesystems],
  ] as const) {
    forEachRepeat<{ readonly name: string }>(
      items,
      ({ name }) => name,
      (index, first) => {
        const at = `${path}.domain.devices.${list}`;
        causes.push(
          duplicate(
            `${at}[${index}].name`,
            items[index]?.name,
            `${at}[${first}] has the same name; rename one`,
          ),
        );
      },
    );
    for (const [index, { name }] of items.entries()) {
      const empty = list === 'disks' && disks[index]?.cdrom !== undefined;
      if (names.includes(name) || empty) continue;
      const near = nearest(name, names);
      const hint = near === undefined ? '' : ` (did you mean ${JSON.stringify(near)}?)`;
      const detail = `not found among ${path}.volumes${hint}; add a volume of this name, or remove the disk`;
      causes.push(invalid(`${path}.domain.devices.${list}[${index}].name`, name, detail));
    }
  }
  return causes;
};

const BUSES = {
  disk: ['virtio', 'sata', 'scsi', 'usb'],
  cdrom: ['sata', 'scsi', 'virtio', 'usb'],
  lun: ['scsi', 'virtio', 'sata'],
};

/** A disk is shown in one way, on a bus that has it. */
export const diskTargets: SpecRule = ({ domain: { devices } }, path) =>
  (devices.disks ?? []).flatMap((disk, index) => {
    const field = `${path}.domain.devices.disks[${index}]`;
    const given = (['disk', 'cdrom', 'lun'] as const).filter((kind) => disk[kind] !== undefined);
    if (given.length > 1) {
      return [
        invalid(
          field,
          disk.name,
          `can be only one of disk, cdrom and lun, is ${given.join(' and ')}; keep one`,
        ),
      ];
    }
    const [kind] = given;
    const bus = kind === undefined ? undefined : disk[kind]?.bus;
    if (kind === undefined || bus === undefined || bus === '' || BUSES[kind].includes(bus)) return [];
    return [invalid(`${field}.${kind}.bus`, bus, `must be one of ${BUSES[kind].join(', ')}`)];
  });
