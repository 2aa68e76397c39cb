/** Disks of a machine as QEMU block nodes and devices. */
import type { VirtualMachineState, VmDisk } from '#node-state/vm.ts';
import { deviceOption } from './option.ts';
import { overlayPath, type VmPaths } from './paths.ts';
import type { PciPlace } from './pci.ts';

/** What the disks of a machine need, and their arguments once root ports are given out. */
export interface BlockDevices {
  readonly needsSata: boolean;
  /** One per virtio disk, plus one for the SCSI controller. */
  readonly rootPortsNeeded: number;
  arguments(places: readonly PciPlace[]): readonly string[];
}

type Bus = VmDisk['bus'];

interface BlockDevice {
  readonly id: string;
  readonly bus: Bus;
  readonly node: Readonly<Record<string, unknown>>;
  readonly isCdrom: boolean;
  readonly bootOrder?: number;
  readonly serial?: string;
}

/** QEMU's id of a disk. */
function diskId(name: string): string {
  return `disk-${name}`;
}

/** Lays the disks and the seed out. Order: disks as listed, then the seed. */
export function composeBlockDevices(vm: VirtualMachineState, paths: VmPaths): BlockDevices {
  const devices = [
    ...vm.disks.map((disk, index) => blockDevice(disk, index, paths)),
    ...(vm.seed === undefined ? [] : [seedDevice(vm.seed.volumeName, paths)]),
  ];
  const virtio = devices.filter((each) => each.bus === 'virtio');
  const hasScsi = devices.some((each) => each.bus === 'scsi');
  return {
    needsSata: devices.some((each) => each.bus === 'sata'),
    rootPortsNeeded: virtio.length + (hasScsi ? 1 : 0),
    arguments(places) {
      return [
        ...devices.flatMap((each, index) => [
          '-blockdev',
          JSON.stringify({ 'node-name': nodeName(index), ...each.node }),
        ]),
        ...(hasScsi ? scsiController(places[virtio.length]) : []),
        ...devices.flatMap((each, index) => frontend(each, index, places, devices)),
      ];
    },
  };
}

function blockDevice(disk: VmDisk, index: number, paths: VmPaths): BlockDevice {
  const isCdrom = disk.device === 'cdrom';
  return {
    id: diskId(disk.name),
    // There is no virtio CD-ROM.
    bus: isCdrom && disk.bus === 'virtio' ? 'sata' : disk.bus,
    node: blockNode(disk, index, paths),
    isCdrom,
    ...(disk.bootOrder === undefined ? {} : { bootOrder: disk.bootOrder }),
    ...(disk.serial === undefined ? {} : { serial: disk.serial }),
  };
}

function blockNode(disk: VmDisk, index: number, paths: VmPaths): Readonly<Record<string, unknown>> {
  const isReadOnly = disk.readOnly || disk.device === 'cdrom';
  const base = formatNode(disk.format, disk.path, isReadOnly || disk.ephemeral);
  if (!disk.ephemeral || isReadOnly) {
    return base;
  }
  const layer = formatNode('qcow2', overlayPath(paths, index), false);
  return { ...layer, backing: base };
}

/** The backing file is never taken from the image's own header: that text came with the image. */
function formatNode(
  format: VmDisk['format'],
  path: string,
  readOnly: boolean,
): Readonly<Record<string, unknown>> {
  return {
    driver: format,
    'read-only': readOnly,
    ...(readOnly ? {} : { discard: 'unmap' }),
    file: { driver: 'file', filename: path, 'read-only': readOnly },
    ...(format === 'qcow2' ? { backing: null } : {}),
  };
}

function seedDevice(volumeName: string, paths: VmPaths): BlockDevice {
  return { id: diskId(volumeName), bus: 'virtio', node: formatNode('raw', paths.seed, true), isCdrom: false };
}

function scsiController(place: PciPlace | undefined): readonly string[] {
  return deviceOption({ driver: 'virtio-scsi-pci-non-transitional', id: 'scsi', ...place });
}

function frontend(
  each: BlockDevice,
  index: number,
  places: readonly PciPlace[],
  all: readonly BlockDevice[],
): readonly string[] {
  const nth = all.slice(0, index).filter((other) => other.bus === each.bus).length;
  const common = {
    id: each.id,
    drive: nodeName(index),
    ...(each.bootOrder === undefined ? {} : { bootindex: each.bootOrder }),
    ...(each.serial === undefined ? {} : { serial: each.serial }),
  };
  switch (each.bus) {
    case 'virtio':
      return deviceOption({ driver: 'virtio-blk-pci-non-transitional', ...common, ...places[nth] });
    case 'sata':
      return deviceOption({ driver: each.isCdrom ? 'ide-cd' : 'ide-hd', ...common, bus: `ide.${nth}` });
    case 'scsi':
      return deviceOption({
        driver: each.isCdrom ? 'scsi-cd' : 'scsi-hd',
        ...common,
        bus: 'scsi.0',
        'scsi-id': nth,
      });
  }
}

/** Node names have at most 31 bytes, disk names may be longer. */
function nodeName(index: number): string {
  return `disk${index}`;
}
