import { describe } from 'vitest';
import type { VirtualMachineState } from '#node-state/vm.ts';
import { vmDriverContract } from './contract.ts';
import { FakeVmDriver } from './fake.ts';

const machine: VirtualMachineState = {
  kind: 'vm',
  netns: 'n',
  uid: '8a0c1f0e-0000-4000-8000-000000000001',
  name: 'default_a',
  accelerator: 'tcg',
  machine: 'q35',
  cpu: { sockets: 1, cores: 1, threads: 1 },
  memoryMiB: 128,
  disks: [],
  nics: [
    { name: 'a', model: 'virtio', mac: '02:00:00:00:00:01', tap: 'tap0', mtu: 1400, queues: 1, linkUp: true },
  ],
  hotplugPorts: 2,
  rng: true,
  paused: true,
};

describe('FakeVmDriver', () => {
  const driver = new FakeVmDriver();
  vmDriverContract({ driver: () => driver, machine: () => machine });
});
