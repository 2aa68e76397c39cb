/** The command line of QEMU, computed from a machine's state alone. */
import { PatchbayError } from '#machinery/errors.ts';
import type { VirtualMachineState, VmNic } from '#node-state/vm.ts';
import { type BlockDevices, composeBlockDevices } from './block.ts';
import { deviceOption, escapeOption } from './option.ts';
import type { VmPaths } from './paths.ts';
import { composePciLayout, type PciPlace, type RootPort } from './pci.ts';

const OFFERED_MODELS: Readonly<Record<VmNic['model'], string>> = {
  virtio: 'virtio-net-pci-non-transitional',
  e1000e: 'e1000e',
  e1000: 'e1000',
  igb: 'igb',
  ne2k_pci: 'ne2k_pci',
  pcnet: 'pcnet',
  rtl8139: 'rtl8139',
};

/** QEMU's id of a NIC; also the name for `set_link`. */
export function nicId(name: string): string {
  return `net-${name}`;
}

/** True when the guest must not run before something was told over QMP. */
export function startsStopped(vm: VirtualMachineState): boolean {
  return vm.paused || vm.held === true || vm.nics.some((nic) => !nic.linkUp);
}

/**
 * Arguments of `qemu-system-x86_64` for a machine. Devices are written as JSON, so that no value can add an option.
 * @throws PatchbayError `InvalidMachine`, `InvalidPciAddress`, `PciAddressTaken`, `TooManyDevices`
 */
export function qemuArguments(vm: VirtualMachineState, paths: VmPaths): readonly string[] {
  const virtualDisks = composeBlockDevices(vm, paths);
  const layout = composePciLayout(vm.nics, vm.hotplugPorts, virtualDisks.rootPortsNeeded);
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-shutdown'],
    ...['-name', `guest=${escapeOption(vm.name)},debug-threads=on`, '-uuid', vm.uid],
    ...['-machine', machine(vm, virtualDisks), '-accel', accelerator(vm), '-cpu', cpu(vm)],
    ...['-smp', smp(vm), '-m', `${vm.memoryMiB}M`, '-overcommit', 'mem-lock=off'],
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-rtc', 'base=utc', '-boot', 'strict=on', '-msg', 'timestamp=on'],
    ...kernelBoot(vm),
    ...channels(vm, paths),
    ...layout.ports.flatMap(rootPortDevice),
    ...vm.nics.flatMap((nic, index) => nicDevice(nic, vm, layout.nics[index])),
    ...virtualDisks.arguments(layout.others),
    ...(startsStopped(vm) ? ['-S'] : []),
  ];
}

function machine(vm: VirtualMachineState, disks: BlockDevices): string {
  const type = /^pc-q35-\d+\.\d+$/.test(vm.machine) ? vm.machine : 'q35';
  if (!/^(q35|pc-q35(-[a-z0-9.]+)?)$/.test(vm.machine)) {
    throw new PatchbayError(
      'InvalidMachine',
      `machine type ${vm.machine} is not offered; allowed: q35, pc-q35-*`,
      {
        retryable: false,
      },
    );
  }
  // HPET, SMM and the idle SATA controller cost boot time under TCG.
  const sata = disks.needsSata ? 'on' : 'off';
  return `${type},hpet=off,smm=off,vmport=off,smbus=off,sata=${sata},dump-guest-core=off`;
}

function accelerator(vm: VirtualMachineState): string {
  return vm.accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=128';
}

function cpu(vm: VirtualMachineState): string {
  const own = vm.accelerator === 'kvm' ? 'host' : 'max';
  const model = vm.cpu.model;
  if (model === undefined || model === 'host-passthrough' || model === 'host-model') {
    return own;
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(model)) {
    throw new PatchbayError('InvalidMachine', `CPU model ${JSON.stringify(model)} is no name of a model`, {
      retryable: false,
    });
  }
  return model;
}

function smp(vm: VirtualMachineState): string {
  const { sockets, cores, threads } = vm.cpu;
  return `${sockets * cores * threads},sockets=${sockets},cores=${cores},threads=${threads}`;
}

function kernelBoot(vm: VirtualMachineState): readonly string[] {
  if (vm.kernelBoot === undefined) {
    return [];
  }
  const { kernel, initrd, arguments: line } = vm.kernelBoot;
  return ['-kernel', kernel, ...(initrd === undefined ? [] : ['-initrd', initrd]), '-append', line];
}

/** QMP, guest agent, serial console (with a log of everything written to it) and entropy. */
function channels(vm: VirtualMachineState, paths: VmPaths): readonly string[] {
  const socket = (id: string, path: string): string =>
    `socket,id=${id},path=${escapeOption(path)},server=on,wait=off`;
  const rng = [
    ...['-object', '{"qom-type":"rng-random","id":"rng0","filename":"/dev/urandom"}'],
    ...deviceOption({ driver: 'virtio-rng-pci-non-transitional', rng: 'rng0', bus: 'pcie.0', addr: '0x1e' }),
  ];
  return [
    ...['-chardev', socket('monitor', paths.qmp), '-mon', 'chardev=monitor,mode=control'],
    ...[
      '-chardev',
      `${socket('serial', paths.console)},logfile=${escapeOption(paths.serialLog)},logappend=on`,
    ],
    ...['-serial', 'chardev:serial'],
    ...deviceOption({
      driver: 'virtio-serial-pci-non-transitional',
      id: 'vserial',
      bus: 'pcie.0',
      addr: '0x1',
    }),
    ...['-chardev', socket('agent', paths.agent)],
    ...deviceOption({
      driver: 'virtserialport',
      bus: 'vserial.0',
      nr: 1,
      chardev: 'agent',
      id: 'agent-port',
      name: 'org.qemu.guest_agent.0',
    }),
    ...(vm.rng ? rng : []),
  ];
}

function rootPortDevice(port: RootPort): readonly string[] {
  return deviceOption({
    driver: 'pcie-root-port',
    id: port.id,
    bus: 'pcie.0',
    addr: port.addr,
    chassis: port.number,
    ...(port.multifunction ? { multifunction: true } : {}),
    // I/O space has room for about ten ports; nothing hot-pluggable here needs it.
    'io-reserve': 0,
  });
}

function nicDevice(nic: VmNic, vm: VirtualMachineState, place: PciPlace | undefined): readonly string[] {
  const isVirtio = nic.model === 'virtio';
  const queues = isVirtio && nic.queues > 1 ? nic.queues : 1;
  const netdev = {
    type: 'tap',
    id: `host-${nic.name}`,
    ifname: nic.tap,
    script: 'no',
    downscript: 'no',
    vhost: false,
    ...(queues > 1 ? { queues } : {}),
  };
  const properties = {
    driver: OFFERED_MODELS[nic.model],
    id: nicId(nic.name),
    netdev: netdev.id,
    mac: nic.mac,
    ...(place ?? {}),
    ...(isVirtio ? { host_mtu: nic.mtu } : {}),
    // Two interrupts per pair of queues, one for configuration, one for control.
    ...(queues > 1 ? { mq: true, vectors: 2 * queues + 2 } : {}),
    ...(nic.acpiIndex === undefined ? {} : { 'acpi-index': nic.acpiIndex }),
    // The boot ROM costs seconds, so only a NIC that is booted from has one. A kernel boot never uses it.
    ...(nic.bootOrder === undefined || vm.kernelBoot !== undefined
      ? { romfile: '' }
      : { bootindex: nic.bootOrder }),
  };
  return ['-netdev', JSON.stringify(netdev), ...deviceOption(properties)];
}
