import { afterEach, describe, expect, it } from 'vitest';
import { node } from '#api/core/node.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import type { FakeApiClient } from '#machinery/fake-api-client.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createNetworkAttachmentDefinitionController } from './network-attachment-definition-controller.ts';

let world: FakeWorld | undefined;
afterEach(async () => world?.stop());

const nad = (namespace: string, config: object): NetworkAttachmentDefinition => ({
  metadata: { namespace, name: 'net' },
  spec: {
    config: JSON.stringify({
      name: 'shared',
      type: 'ovn-k8s-cni-overlay',
      topology: 'layer2',
      netAttachDefName: `${namespace}/net`,
      ...config,
    }),
  },
});
async function tellState(
  client: FakeApiClient,
  name: string,
  ...localnets: readonly string[]
): Promise<void> {
  const mappings = localnets.map((localnet) => ({ localnet, bridge: 'br-ex' }));
  const body = { status: { currentState: { ovn: { 'bridge-mappings': mappings } } } };
  const at = { subresource: 'status' } as const;
  await client.patch(nodeNetworkState, { name }, { type: 'merge', body }, at);
}

/** A node with one address on `br-ex`, and physical network `phys` on `br1`, all of them of one MTU. */
async function tellWires(client: FakeApiClient, name: string, mtu: number): Promise<void> {
  const ip = `192.168.1.${name.slice(4)}`;
  const interfaces = [
    { name: 'br-ex', type: 'ovs-interface', mtu, ipv4: { address: [{ ip, 'prefix-length': 24 }] } },
    { name: 'eth1', type: 'ethernet', mtu, controller: 'br1' },
  ];
  const ovn = { 'bridge-mappings': [{ localnet: 'phys', bridge: 'br1' }] };
  const at = { subresource: 'status' } as const;
  const body = { status: { currentState: { interfaces, ovn } } };
  await client.patch(nodeNetworkState, { name }, { type: 'merge', body }, at);
  const addresses = [{ type: 'InternalIP', address: ip }];
  await client.patch(node, { name }, { type: 'merge', body: { status: { addresses } } }, at);
}

async function started(...nads: readonly NetworkAttachmentDefinition[]): Promise<FakeWorld> {
  world = new FakeWorld((factory, deps) => [
    createNetworkAttachmentDefinitionController(factory, { ...deps, podMtu: 8900 }),
  ]);
  for (const name of ['node1', 'node2']) {
    await world.add(node, { metadata: { name } });
  }
  for (const one of nads) {
    await world.add(networkAttachmentDefinition, one);
  }
  return world.start();
}
const told = async (namespace: string): Promise<string[]> => {
  await world?.run();
  const found = await world?.client.get(networkAttachmentDefinition, { namespace, name: 'net' });
  return (found?.status?.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );
};

describe('the status of a definition', () => {
  it('names the others of its network, and forgets them when they go', async () => {
    const { client } = await started(nad('a', {}), nad('b', {}), nad('c', {}));
    expect(await told('a')).toEqual([
      'NetworkConsistent=True SharedNetwork: network "shared" is shared with NetworkAttachmentDefinitions: [b/net, c/net]',
    ]);
    await client.delete(networkAttachmentDefinition, { namespace: 'b', name: 'net' });
    await client.delete(networkAttachmentDefinition, { namespace: 'c', name: 'net' });
    expect(await told('a')).toEqual([
      'NetworkConsistent=True OnlyDefinition: network "shared" has no other definition',
    ]);
  });

  it('says with whom it does not agree, and in what', async () => {
    await started(nad('a', {}), nad('b', { mtu: 1300 }));
    const [line] = await told('b');
    expect(line).toMatch(/^NetworkConsistent=False NetworkMismatch: .*\[a\/net \(mtu\)\]; the oldest counts/);
  });

  it('names the nodes that lack the physical network, and those that have it', async () => {
    const { client } = await started(nad('a', { topology: 'localnet', physicalNetworkName: 'phys' }));
    expect((await told('a'))[1]).toMatch(/^BridgeMapped=Unknown NodeStateUnknown/);
    for (const name of ['node1', 'node2']) {
      await client.create(nodeNetworkState, { metadata: { name } });
    }
    await tellState(client, 'node1', 'phys');
    await tellState(client, 'node2');
    expect((await told('a'))[1]).toMatch(
      /^BridgeMapped=False BridgeMappingNotFound: physical network "phys" is mapped to no bridge of nodes: \[node2\] \(it is on: \[node1 \(br-ex\)\]\)/,
    );
    await tellState(client, 'node2', 'phys');
    expect((await told('a'))[1]).toBe(
      'BridgeMapped=True BridgeMappingPresent: physical network "phys" is mapped on: [node1 (br-ex), node2 (br-ex)]',
    );
  });

  it.each([
    [
      { topology: 'localnet', physicalNetworkName: 'phys', mtu: 9000 },
      'BridgeMTUTooSmall',
      'node2 (br1, 1500)',
      1500,
    ],
    [{ mtu: 8900 }, 'UnderlayMTUTooSmall', 'node2 (1500)', 1400],
    [{}, 'UnderlayMTUTooSmall', 'node2 (1500)', 1400],
  ])(
    'names the nodes whose wires are too narrow, until they are wide enough: %j',
    async (config, reason, where, lower) => {
      const { client } = await started(nad('a', config));
      for (const [name, mtu] of [
        ['node1', 9000],
        ['node2', 1500],
      ] as const) {
        await client.create(nodeNetworkState, { metadata: { name } });
        await tellWires(client, name, mtu);
      }
      expect((await told('a')).at(-1)).toMatch(
        new RegExp(
          `^NetworkMTUMismatch=True ${reason}: .* needs 9000 bytes of .*: \\[${where.replace(/[()]/g, '\\$&')}\\], .* or give the network an mtu of ${lower}$`,
        ),
      );
      await tellWires(client, 'node2', 9000);
      expect((await told('a')).join()).not.toMatch(/MTU/);
    },
  );

  it('is empty for other types', async () => {
    await started({ metadata: { namespace: 'a', name: 'net' }, spec: { config: '{"type":"bridge"}' } });
    expect(await told('a')).toEqual([]);
  });
});
