import { describe, expect, it } from 'vitest';
import type { VirtualMachineState, VmDisk, VmNic } from '#node-state/vm.ts';
import { qemuArguments } from './arguments.ts';
import { vmPaths } from './paths.ts';
import { composePciLayout } from './pci.ts';

const paths = vmPaths('/run/n', 'u-1', '/var/n');

const nic = (name: string, change: Partial<VmNic> = {}): VmNic => ({
  ...{
    name,
    model: 'virtio',
    mac: '02:00:00:00:00:01',
    tap: `tap-${name}`,
    mtu: 1400,
    queues: 1,
    linkUp: true,
  },
  ...change,
});

const disk = (name: string, change: Partial<VmDisk> = {}): VmDisk => ({
  ...{
    name,
    path: `/images/${name}`,
    format: 'qcow2',
    bus: 'virtio',
    device: 'disk',
    readOnly: false,
    ephemeral: false,
  },
  ...change,
});

const machine = (change: Partial<VirtualMachineState> = {}): VirtualMachineState => ({
  kind: 'vm',
  netns: 'lab.n1.x',
  uid: 'u-1',
  name: 'default_a',
  accelerator: 'tcg',
  machine: 'q35',
  cpu: { sockets: 2, cores: 2, threads: 1 },
  memoryMiB: 256,
  disks: [],
  nics: [],
  hotplugPorts: 0,
  rng: false,
  paused: false,
  ...change,
});

/** Values of all occurrences of an option; JSON ones parsed. */
function values(argv: readonly string[], option: string): unknown[] {
  return argv.flatMap((word, index) => {
    const next = argv[index + 1] ?? '';
    return word === option ? [next.startsWith('{') ? JSON.parse(next) : next] : [];
  });
}

function devices(vm: VirtualMachineState): Readonly<Record<string, unknown>>[] {
  return values(qemuArguments(vm, paths), '-device') as Readonly<Record<string, unknown>>[];
}

describe('qemuArguments', () => {
  it('confines QEMU and describes the machine', () => {
    const argv = qemuArguments(machine(), paths);
    expect(argv.slice(0, 2)).toEqual(['-nodefaults', '-no-user-config']);
    expect(values(argv, '-sandbox')).toEqual([
      'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
    ]);
    expect(values(argv, '-name')).toEqual(['guest=default_a,debug-threads=on']);
    expect(values(argv, '-smp')).toEqual(['4,sockets=2,cores=2,threads=1']);
    expect(values(argv, '-mon')).toEqual(['chardev=monitor,mode=control']);
    expect(argv).not.toContain('-S');
  });

  it.each([
    ['tcg', undefined, 'max'],
    ['kvm', undefined, 'host'],
    ['tcg', 'host-passthrough', 'max'],
    ['kvm', 'host-model', 'host'],
    ['tcg', 'EPYC', 'EPYC'],
  ] as const)('under %s a model %s is %s', (accelerator, model, expected) => {
    const cpu = { sockets: 1, cores: 1, threads: 1, ...(model === undefined ? {} : { model }) };
    expect(values(qemuArguments(machine({ accelerator, cpu }), paths), '-cpu')).toEqual([expected]);
  });

  it('refuses machine types and CPU models that would add options', () => {
    expect(() => qemuArguments(machine({ machine: 'q35,dumpdtb=x' }), paths)).toThrow(/allowed: q35/);
    const cpu = { sockets: 1, cores: 1, threads: 1, model: 'max,x=y' };
    expect(() => qemuArguments(machine({ cpu }), paths)).toThrow(/no name of a model/);
  });

  it('gives virtio cards MTU, queues and interrupts, and no boot ROM', () => {
    const vm = machine({ nics: [nic('a', { queues: 4, acpiIndex: 7 })] });
    expect(devices(vm).find((each) => each['id'] === 'net-a')).toEqual({
      driver: 'virtio-net-pci-non-transitional',
      id: 'net-a',
      netdev: 'host-a',
      mac: '02:00:00:00:00:01',
      bus: 'rp1',
      addr: '0x0',
      host_mtu: 1400,
      mq: true,
      vectors: 10,
      'acpi-index': 7,
      romfile: '',
    });
    expect(values(qemuArguments(vm, paths), '-netdev')).toEqual([
      { type: 'tap', id: 'host-a', ifname: 'tap-a', script: 'no', downscript: 'no', vhost: false, queues: 4 },
    ]);
  });

  it('gives other models neither MTU nor queues, and a boot ROM to cards that are booted from', () => {
    const vm = machine({ nics: [nic('a', { model: 'e1000e', queues: 4, bootOrder: 2 })] });
    const card = devices(vm).find((each) => each['id'] === 'net-a');
    expect(card).toMatchObject({ driver: 'e1000e', bootindex: 2 });
    expect(Object.keys(card ?? {})).not.toEqual(expect.arrayContaining(['romfile', 'host_mtu', 'mq']));
  });

  it.each([[{ paused: true }], [{ nics: [nic('a', { linkUp: false })] }]])(
    'holds the guest back when something comes first: %o',
    (change) => {
      expect(qemuArguments(machine(change), paths)).toContain('-S');
    },
  );

  it('never lets an image name its backing file', () => {
    const vm = machine({ disks: [disk('plain'), disk('layered', { ephemeral: true, format: 'qcow2' })] });
    expect(values(qemuArguments(vm, paths), '-blockdev')).toEqual([
      expect.objectContaining({ driver: 'qcow2', 'read-only': false, backing: null }),
      expect.objectContaining({
        file: expect.objectContaining({ filename: '/var/n/u-1/disk1.qcow2' }),
        backing: expect.objectContaining({ driver: 'qcow2', 'read-only': true, backing: null }),
      }),
    ]);
  });

  it('puts disks on their buses and CD-ROMs where there are some', () => {
    const vm = machine({
      disks: [
        disk('v', { bootOrder: 1, serial: 's' }),
        disk('s', { bus: 'sata' }),
        disk('c', { bus: 'virtio', device: 'cdrom' }),
        disk('x', { bus: 'scsi' }),
      ],
    });
    expect(devices(vm).slice(-5)).toEqual([
      { driver: 'virtio-scsi-pci-non-transitional', id: 'scsi', bus: 'rp2', addr: '0x0' },
      {
        driver: 'virtio-blk-pci-non-transitional',
        id: 'disk-v',
        drive: 'disk0',
        bootindex: 1,
        serial: 's',
        bus: 'rp1',
        addr: '0x0',
      },
      { driver: 'ide-hd', id: 'disk-s', drive: 'disk1', bus: 'ide.0' },
      { driver: 'ide-cd', id: 'disk-c', drive: 'disk2', bus: 'ide.1' },
      { driver: 'scsi-hd', id: 'disk-x', drive: 'disk3', bus: 'scsi.0', 'scsi-id': 0 },
    ]);
    expect(values(qemuArguments(vm, paths), '-machine')[0]).toContain('sata=on');
  });
});

describe('composePciLayout', () => {
  const buses = (nics: readonly VmNic[], spare: number, others: number) => {
    const layout = composePciLayout(nics, spare, others);
    return {
      nics: layout.nics.map((place) => place.bus),
      spare: layout.spare,
      others: layout.others.map((place) => place.bus),
    };
  };

  it('moves nothing when a card takes a spare port', () => {
    expect(buses([nic('a')], 3, 1)).toEqual({ nics: ['rp1'], spare: ['rp2', 'rp3', 'rp4'], others: ['rp5'] });
    expect(buses([nic('a'), nic('b')], 2, 1)).toEqual({
      nics: ['rp1', 'rp2'],
      spare: ['rp3', 'rp4'],
      others: ['rp5'],
    });
  });

  it('honours addresses, makes the ports before them, and lets the others flow around', () => {
    const layout = composePciLayout([nic('a'), nic('b', { pciAddress: '0000:02:00.0' }), nic('c')], 0, 0);
    expect(layout.nics.map((place) => place.bus)).toEqual(['rp1', 'rp2', 'rp3']);
    expect(composePciLayout([nic('a', { pciAddress: '0000:0a:00.0' })], 0, 0).ports.at(-1)).toEqual({
      ...{ number: 10, id: 'rp10', addr: '0x3.1', multifunction: false },
    });
    expect(composePciLayout([nic('a', { pciAddress: '0000:00:1b.0' })], 0, 0).nics).toEqual([
      { bus: 'pcie.0', addr: '0x1b.0' },
    ]);
  });

  it.each(['0001:01:00.0', '0000:01:01.0', '0000:00:1f.0', 'x', '0000:ff:00.0'])(
    'refuses %s',
    (pciAddress) => {
      expect(() => composePciLayout([nic('a', { pciAddress })], 0, 0)).toThrow(/interface a: pciAddress/);
    },
  );

  it('refuses one address for two cards', () => {
    const pciAddress = '0000:01:00.0';
    expect(() => composePciLayout([nic('a', { pciAddress }), nic('b', { pciAddress })], 0, 0)).toThrow(
      /used by another/,
    );
  });
});
