import type { Netns } from './resource.ts';

/** How a guest's instructions are run. */
export type Accelerator = 'kvm' | 'tcg';

/** A guest's processor. */
export interface VmCpu {
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
  readonly model?: string;
}

/** A block device of a guest. */
export interface VmDisk {
  readonly name: string;
  /** Absolute path of the file. */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly bus: 'virtio' | 'sata' | 'scsi';
  readonly device: 'disk' | 'cdrom';
  readonly readOnly: boolean;
  /** Writes go to a copy-on-write layer in the VM's directory and are lost when the VM ends (containerDisk, ephemeral). */
  readonly ephemeral: boolean;
  readonly bootOrder?: number;
  readonly serial?: string;
}

/** A network card of a guest, on a tap that is already there. */
export interface VmNic {
  /** Name in `spec.networks`. */
  readonly name: string;
  readonly model: 'virtio' | 'e1000e' | 'e1000' | 'igb' | 'ne2k_pci' | 'pcnet' | 'rtl8139';
  /** Lower case. */
  readonly mac: string;
  /** Tap device in the VM's network namespace. */
  readonly tap: string;
  /** Bytes; given to virtio guests as `host_mtu`. */
  readonly mtu: number;
  /** Pairs of queues; more than 1 needs a multi-queue tap. */
  readonly queues: number;
  readonly bootOrder?: number;
  readonly pciAddress?: string;
  readonly acpiIndex?: number;
  /** False: the cable is unplugged. */
  readonly linkUp: boolean;
}

/** Firmware-less boot of a kernel. */
export interface VmKernelBoot {
  readonly kernel: string;
  readonly initrd?: string;
  readonly arguments: string;
}

/** NoCloud seed: files of the `cidata` volume. */
export interface VmSeed {
  readonly volumeName: string;
  /** `nocloud` = label `cidata`, `configdrive` = label `config-2`. */
  readonly format: 'nocloud' | 'configdrive';
  readonly instanceId: string;
  readonly hostname: string;
  readonly userData: string;
  readonly networkData?: string;
}

/** A virtual machine on a node: what its QEMU is started with, and what is changed while it runs. */
export interface VirtualMachineState {
  readonly kind: 'vm';
  /** Network namespace of the launcher pod. */
  readonly netns: Netns;
  /** UID of the VirtualMachineInstance. */
  readonly uid: string;
  /** `<namespace>_<name>`; QEMU's `-name`, and how our processes are recognised. */
  readonly name: string;
  readonly accelerator: Accelerator;
  readonly machine: string;
  readonly cpu: VmCpu;
  readonly memoryMiB: number;
  readonly kernelBoot?: VmKernelBoot;
  readonly disks: readonly VmDisk[];
  readonly seed?: VmSeed;
  readonly nics: readonly VmNic[];
  /** Free PCIe root ports kept for hot plug. */
  readonly hotplugPorts: number;
  readonly rng: boolean;
  /** Created but not started (`startStrategy: Paused`). */
  readonly paused: boolean;
  /** QEMU is there, the guest not yet: it begins when this becomes false. So QEMU starts while its network is still being made. */
  readonly held?: boolean;
}
