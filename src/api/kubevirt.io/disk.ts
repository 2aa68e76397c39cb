/** `spec.domain.devices.disks[]` and file systems. */
import { boolean, int32, object, oneOf, string, type TypeOf } from '../schema.ts';

export const featureState = object({ enabled: boolean('Whether it is on; true when empty.') });

export const disk = object(
  {
    name: string('Name; the volume of the same name is behind it.'),
    disk: object(
      {
        bus: string('virtio, sata, scsi or usb.'),
        pciAddress: string('PCI address in the guest.'),
        readonly: boolean(),
      },
      [],
      'A hard disk.',
    ),
    lun: object({ bus: string('scsi.'), readonly: boolean(), reservation: boolean() }, [], 'A SCSI unit.'),
    cdrom: object(
      { bus: string('sata, scsi or virtio.'), readonly: boolean(), tray: oneOf(['open', 'closed']) },
      [],
      'A CD drive.',
    ),
    bootOrder: int32('Place in the boot order, from 1, unique over disks and interfaces.'),
    serial: string('Serial number the guest sees.'),
    dedicatedIOThread: boolean('A thread of its own.'),
    cache: oneOf(['none', 'writethrough', 'writeback'], 'Cache of the host.'),
    io: oneOf(['native', 'threads'], 'How the host reads and writes.'),
    tag: string('Tag in the config drive.'),
    blockSize: object({
      custom: object({
        logical: int32('Bytes.'),
        physical: int32('Bytes.'),
        discardGranularity: int32('Bytes.'),
      }),
      matchVolume: featureState,
    }),
    shareable: boolean('Whether other virtual machines have it too.'),
    errorPolicy: oneOf(['stop', 'ignore', 'report', 'enospace'], 'What happens on a disk error.'),
    changedBlockTracking: boolean('Keep track of changed blocks.'),
  },
  ['name'],
  'A disk of the guest.',
);
export type VmiDisk = TypeOf<typeof disk>;

export const filesystem = object(
  { name: string('Name; the volume of the same name is behind it.'), virtiofs: object({}) },
  ['name', 'virtiofs'],
  'A file system shared with the guest.',
);
