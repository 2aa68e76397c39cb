import { expect, test } from 'vitest';
import { type NodeInput, nodeStatus } from './node-object.ts';

const input: NodeInput = {
  nodeName: 'node1',
  addresses: ['192.168.126.11', 'fd00:192:168:126::11'],
  port: 10250,
  machine: {
    cpus: 2,
    memory: 2 ** 30,
    kernelVersion: '6.1',
    osImage: 'Debian',
    machineId: 'm',
    bootId: 'b',
    architecture: 'amd64',
    version: '0',
  },
  probes: [],
  bridges: [],
  podMtu: 8900,
  underlayMtu: 9000,
  now: 0,
};

test('conditions tell when they were last confirmed, and an unchanged status is not written again', () => {
  const first = nodeStatus(undefined, input);
  expect(
    first.conditions?.every(({ lastHeartbeatTime }) => lastHeartbeatTime === '1970-01-01T00:00:00Z'),
  ).toBe(true);
  expect(nodeStatus(first, { ...input, now: 1000 })).toEqual(first);
  const narrow = nodeStatus(first, { ...input, underlayMtu: 1500, now: 1000 });
  const moved = narrow.conditions?.filter(
    ({ lastHeartbeatTime }) => lastHeartbeatTime === '1970-01-01T00:00:01Z',
  );
  expect(moved?.map(({ type }) => type)).toEqual(['NetworkMTUMismatch']);
});

test('a node tells an address of each family, the primary one first', () => {
  expect(nodeStatus(undefined, input).addresses).toEqual([
    { type: 'InternalIP', address: '192.168.126.11' },
    { type: 'InternalIP', address: 'fd00:192:168:126::11' },
    { type: 'Hostname', address: 'node1' },
  ]);
});

test.each([
  [9000, 'False', 'UnderlayMTUSufficient', 'the underlay carries 9000 bytes'],
  [8999, 'True', 'UnderlayMTUTooSmall', "Raise the MTU of the node's interface to 9000"],
  [undefined, 'Unknown', 'UnderlayUnknown', 'no interface has the address of the node'],
])(
  'a pod network of 8900 over an underlay of %s: NetworkMTUMismatch=%s, %s',
  (underlayMtu, status, reason, text) => {
    const { conditions } = nodeStatus(undefined, { ...input, underlayMtu });
    const found = conditions?.find(({ type }) => type === 'NetworkMTUMismatch');
    expect(found).toMatchObject({ status, reason, message: expect.stringContaining(text) });
  },
);
