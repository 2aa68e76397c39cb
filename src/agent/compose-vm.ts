/** A VirtualMachineInstance's spec -> the machine QEMU is started with. Pure. */
import type {
  VirtualMachineInstance,
  VirtualMachineInstanceSpec,
  VmiVolume,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { BootImage } from '#drivers/image/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { wholeValue } from '#machinery/quantity.ts';
import type { Accelerator, VirtualMachineState, VmDisk, VmNic, VmSeed } from '#node-state/vm.ts';
import { hostnameOf } from './compose-cards.ts';

/** Texts of a cloud-init volume, secrets read. */
export interface SeedTexts {
  readonly userData: string;
  readonly networkData?: string;
}

/** What a machine is composed from. */
export interface VmInput {
  readonly vmi: VirtualMachineInstance;
  readonly netns: string;
  readonly accelerator: Accelerator;
  readonly nics: readonly VmNic[];
  /** Image of each containerDisk volume, by volume name. */
  readonly images: ReadonlyMap<string, BootImage>;
  /** What boots when no volume does. */
  readonly defaultImage?: BootImage;
  /** Texts of the cloud-init volume. */
  readonly seed?: SeedTexts;
}

type Disk = NonNullable<VirtualMachineInstanceSpec['domain']['devices']['disks']>[number];

/** Free PCIe root ports for cards and disks that come later. */
const hotplugPorts = 4;
const mebibyte = 1024 * 1024;

/** Composes a machine; throws a PatchbayError `UnsupportedVolume` for volumes that this version cannot attach. */
export function composeVm(input: VmInput): VirtualMachineState {
  const { vmi, netns, accelerator, nics } = input;
  const { spec, metadata } = vmi;
  const { cpu, devices, machine } = spec.domain;
  const disks = composeDisks(input);
  const kernel = kernelOf(input);
  const seed = composeSeed(input);
  return {
    kind: 'vm',
    netns,
    uid: metadata.uid ?? '',
    name: `${metadata.namespace ?? 'default'}_${metadata.name}`,
    accelerator,
    machine: machine?.type === undefined || machine.type === '' ? 'q35' : machine.type,
    cpu: {
      sockets: cpu?.sockets ?? 1,
      cores: cpu?.cores ?? 1,
      threads: cpu?.threads ?? 1,
      ...(cpu?.model !== undefined && { model: cpu.model }),
    },
    memoryMiB: memoryMiB(spec),
    ...(kernel !== undefined && { kernelBoot: kernel }),
    disks,
    ...(seed !== undefined && { seed }),
    nics,
    hotplugPorts: devices.disableHotplug === true ? 0 : hotplugPorts,
    rng: devices.rng !== undefined,
    paused: spec.startStrategy === 'Paused',
  };
}

/** A guest that runs stays what it was started with: images and secrets may be others by now. Only its cables follow. */
export function begun(present: VirtualMachineState, wanted: readonly VmNic[]): VirtualMachineState {
  const nics = present.nics.map((nic) => ({
    ...nic,
    linkUp: wanted.find(({ name }) => name === nic.name)?.linkUp ?? nic.linkUp,
  }));
  return { ...present, nics, ...(present.held === true && { held: false }) };
}

/** Memory of the guest: `memory.guest`, else what is requested or limited. */
export function memoryMiB(spec: VirtualMachineInstanceSpec): number {
  const { memory, resources } = spec.domain;
  const asked = memory?.guest ?? resources?.requests?.['memory'] ?? resources?.limits?.['memory'];
  if (asked === undefined) {
    throw new PatchbayError(
      'MemoryMissing',
      'spec.domain.memory.guest is required: say how much memory the guest has, such as 256Mi',
      { retryable: false },
    );
  }
  return Math.max(1, Math.floor(wholeValue(asked) / mebibyte));
}

/** True when the VM names no volume it could boot from, so that the default guest stands in. */
export function needsDefaultImage(spec: VirtualMachineInstanceSpec): boolean {
  return !(spec.volumes ?? []).some((volume) => volume.containerDisk !== undefined);
}

function kernelOf(input: VmInput): VirtualMachineState['kernelBoot'] {
  const all = [...input.images.values(), ...(input.defaultImage === undefined ? [] : [input.defaultImage])];
  const found = all.find((image) => image.type === 'kernel');
  return found?.type === 'kernel' ? found.boot : undefined;
}

function composeDisks(input: VmInput): readonly VmDisk[] {
  const { spec } = input.vmi;
  const listed = spec.domain.devices.disks ?? [];
  const disks = (spec.volumes ?? []).flatMap((volume) => {
    const image = input.images.get(volume.name);
    const disk = listed.find(({ name }) => name === volume.name);
    if (image?.type === 'disk') {
      return [diskOf(volume.name, disk, image)];
    }
    if (image === undefined && !isCloudInit(volume)) {
      throw unsupported(volume);
    }
    return [];
  });
  const standIn =
    input.defaultImage?.type === 'disk' ? [diskOf('default-guest', undefined, input.defaultImage)] : [];
  return [...disks, ...standIn];
}

function diskOf(name: string, disk: Disk | undefined, image: Extract<BootImage, { type: 'disk' }>): VmDisk {
  const isCdrom = disk?.cdrom !== undefined;
  const bus = disk?.disk?.bus ?? disk?.cdrom?.bus ?? disk?.lun?.bus;
  return {
    name,
    path: image.path,
    format: image.format,
    bus: bus === 'sata' || bus === 'scsi' ? bus : isCdrom ? 'sata' : 'virtio',
    device: isCdrom ? 'cdrom' : 'disk',
    readOnly: isCdrom || disk?.disk?.readonly === true,
    ephemeral: !isCdrom,
    ...(disk?.bootOrder !== undefined && { bootOrder: disk.bootOrder }),
    ...(disk?.serial !== undefined && { serial: disk.serial }),
  };
}

function unsupported(volume: VmiVolume): PatchbayError {
  const source = Object.keys(volume).find((key) => key !== 'name') ?? 'none';
  return new PatchbayError(
    'UnsupportedVolume',
    `volume "${volume.name}": source "${source}" cannot be attached in this version; there are containerDisk, cloudInitNoCloud and cloudInitConfigDrive`,
    { retryable: false },
  );
}

function isCloudInit(volume: VmiVolume): boolean {
  return volume.cloudInitNoCloud !== undefined || volume.cloudInitConfigDrive !== undefined;
}

/** The first cloud-init volume of a VM. */
export function cloudInitVolume(spec: VirtualMachineInstanceSpec): VmiVolume | undefined {
  return (spec.volumes ?? []).find(isCloudInit);
}

function composeSeed(input: VmInput): VmSeed | undefined {
  const volume = cloudInitVolume(input.vmi.spec);
  if (volume === undefined || input.seed === undefined) {
    return undefined;
  }
  return {
    volumeName: volume.name,
    format: volume.cloudInitNoCloud === undefined ? 'configdrive' : 'nocloud',
    instanceId: `${input.vmi.metadata.name}.${input.vmi.metadata.namespace ?? 'default'}`,
    hostname: hostnameOf(input.vmi),
    userData: input.seed.userData,
    ...(input.seed.networkData !== undefined && { networkData: input.seed.networkData }),
  };
}
