import { expect, test } from 'vitest';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { composeNics, composeProbes, isComplete, portsOf } from './connectivity.ts';

function vmi(
  name: string,
  podIp: string,
  bridgeIp: string,
  ports?: readonly number[],
): VirtualMachineInstance {
  return {
    metadata: { name, namespace: 'default' },
    spec: {
      domain: {
        devices: {
          interfaces: [
            {
              name: 'default',
              masquerade: {},
              ...(ports === undefined ? {} : { ports: ports.map((port) => ({ port })) }),
            },
            { name: 'bridge-net', bridge: {} },
          ],
        },
      },
      networks: [
        { name: 'default', pod: {} },
        { name: 'bridge-net', multus: { networkName: 'bridge-network' } },
      ],
    },
    status: {
      phase: 'Running',
      nodeName: 'node1',
      conditions: [{ type: 'AgentConnected', status: 'True' }],
      interfaces: [
        { name: 'default', mac: '02:00:00:00:00:01', ipAddresses: [podIp], interfaceName: 'eth0' },
        {
          name: 'bridge-net',
          mac: '02:00:00:00:00:02',
          ipAddresses: ['fe80::1/64', `${bridgeIp}/24`],
          interfaceName: 'eth1',
        },
      ],
    },
  };
}

const a = vmi('a', '10.128.0.5', '10.10.10.14', [8080]);
const b = vmi('b', '10.128.2.5', '10.10.10.15');

test('every ordered pair is probed on every shared network, at the port its target lets in', () => {
  const probes = composeProbes([a, b]);
  expect(
    probes.map(({ from, to, network, address, port, fromInterface, podAnswersPing }) => [
      `${from.metadata.name}>${to.metadata.name}`,
      network,
      address,
      port,
      fromInterface,
      podAnswersPing,
    ]),
  ).toEqual([
    ['a>b', 'pod network', '10.128.2.5', 80, 'eth0', false],
    ['a>b', 'bridge-network', '10.10.10.15', 80, 'eth1', false],
    ['b>a', 'pod network', '10.128.0.5', 8080, 'eth0', true],
    ['b>a', 'bridge-network', '10.10.10.14', 80, 'eth1', false],
  ]);
  expect(portsOf(probes, a)).toEqual([8080, 80]);
});

test('cards are listed with binding, network and addresses', () => {
  expect(
    composeNics(b).map(({ nic, network, binding, guestInterface }) => [
      nic,
      network,
      binding,
      guestInterface,
    ]),
  ).toEqual([
    ['default', 'pod network', 'masquerade', 'eth0'],
    ['bridge-net', 'bridge-network', 'bridge', 'eth1'],
  ]);
});

test('a VM is complete only when its agent talks and every card has an IPv4 address', () => {
  expect(isComplete(a)).toBe(true);
  expect(isComplete({ ...a, status: { ...a.status, conditions: [] } })).toBe(false);
  expect(isComplete({ ...a, status: { ...a.status, phase: 'Scheduled' } })).toBe(false);
  const interfaces = a.status?.interfaces?.slice(0, 1) ?? [];
  expect(isComplete({ ...a, status: { ...a.status, interfaces } })).toBe(false);
});
