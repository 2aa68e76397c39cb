import { afterEach, describe, expect, it } from 'vitest';
import { namespace } from '#api/core/namespace.ts';
import { node } from '#api/core/node.ts';
import { pod } from '#api/core/pod.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { clusterUserDefinedNetwork } from '#api/k8s.ovn.org/cluster-user-defined-network.ts';
import { type UserDefinedNetwork, userDefinedNetwork } from '#api/k8s.ovn.org/user-defined-network.ts';
import type { Condition } from '#api/meta.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createUserDefinedNetworkControllers } from './user-defined-network-controller.ts';

const label = 'k8s.ovn.org/primary-user-defined-network';
const protection = 'k8s.ovn.org/user-defined-network-protection';
const primary: UserDefinedNetwork['spec'] = {
  topology: 'Layer2',
  layer2: { role: 'Primary', subnets: ['10.1.0.0/16'], ipam: { lifecycle: 'Persistent' } },
};
const at = { namespace: 'red', name: 'net' };

let world: FakeWorld;
afterEach(() => world.stop());

async function started(prepare?: () => Promise<unknown>): Promise<void> {
  world = new FakeWorld((factory, deps) => createUserDefinedNetworkControllers(factory, deps));
  for (const name of ['red', 'blue', 'plain']) {
    const labels = name === 'plain' ? {} : { [label]: '', team: 'a' };
    await world.add(namespace, { metadata: { name, labels } });
  }
  await world.add(node, { metadata: { name: 'node1' } });
  await prepare?.();
  await world.start();
}
const addUdn = (spec: UserDefinedNetwork['spec'], in_ = 'red', name = 'net') =>
  world.add(userDefinedNetwork, { metadata: { namespace: in_, name }, spec });
const addUser = (in_ = 'red', network = 'red/net') =>
  world.add(pod, {
    metadata: {
      namespace: in_,
      name: 'p',
      annotations: { 'k8s.ovn.org/pod-networks': `{"default":{"role":"x"},"${network}":{"role":"primary"}}` },
    },
    spec: { containers: [{ name: 'c' }] },
  });
const nadAt = async (where: {
  namespace: string;
  name: string;
}): Promise<NetworkAttachmentDefinition | undefined> => {
  const { items } = await world.client.list(networkAttachmentDefinition, { namespace: where.namespace });
  return items.find(({ metadata }) => metadata.name === where.name);
};
const configAt = async (where: { namespace: string; name: string }): Promise<unknown> =>
  JSON.parse((await nadAt(where))?.spec?.config ?? 'null');
const told = async (in_ = 'red', name = 'net'): Promise<string[]> => {
  await world.run();
  const found = await world.client.get(userDefinedNetwork, { namespace: in_, name });
  return lines(found.status?.conditions);
};
const toldOfCluster = async (): Promise<string[]> => {
  await world.run();
  return lines((await world.client.get(clusterUserDefinedNetwork, { name: 'net' })).status?.conditions);
};

describe('a UserDefinedNetwork', () => {
  it('gives its definition its labels, later ones too', async () => {
    await started(() =>
      world.add(userDefinedNetwork, { metadata: { ...at, labels: { app: 'x' } }, spec: primary }),
    );
    await world.run();
    expect((await nadAt(at))?.metadata.labels).toEqual({ app: 'x', 'k8s.ovn.org/user-defined-network': '' });
    const body = { metadata: { labels: { tier: 'y' } } };
    await world.client.patch(userDefinedNetwork, at, { type: 'merge', body });
    await world.run();
    expect((await nadAt(at))?.metadata.labels).toMatchObject({ app: 'x', tier: 'y' });
  });

  it('renders a definition that is its own, and says so', async () => {
    await started(() => addUdn(primary));
    expect(await told()).toEqual([
      'NetworkCreated=True NetworkAttachmentDefinitionCreated: NetworkAttachmentDefinition has been created',
      'NetworkAllocationSucceeded=True NetworkAllocationSucceeded: Network allocation succeeded for all synced nodes.',
    ]);
    const nad = await nadAt(at);
    expect(nad?.metadata).toMatchObject({
      labels: { 'k8s.ovn.org/user-defined-network': '' },
      finalizers: [protection],
      ownerReferences: [
        { kind: 'UserDefinedNetwork', name: 'net', controller: true, blockOwnerDeletion: true },
      ],
    });
    expect(await configAt(at)).toEqual({
      cniVersion: '1.0.0',
      name: 'red_net',
      type: 'ovn-k8s-cni-overlay',
      netAttachDefName: 'red/net',
      topology: 'layer2',
      role: 'primary',
      subnets: '10.1.0.0/16',
      allowPersistentIPs: true,
    });
    const { metadata } = await world.client.get(userDefinedNetwork, at);
    expect(metadata.finalizers).toEqual([protection]);
  });

  it('takes back what others change in its definition', async () => {
    await started(() => addUdn(primary));
    const wanted = (await nadAt(at))?.spec?.config;
    const body = { metadata: { labels: null, finalizers: [] }, spec: { config: '{}' } };
    await world.client.patch(networkAttachmentDefinition, at, { type: 'merge', body });
    await world.run();
    const mended = await nadAt(at);
    expect(mended?.spec?.config).toBe(wanted);
    expect(mended?.metadata.finalizers).toEqual([protection]);
    expect(mended?.metadata.labels).toEqual({ 'k8s.ovn.org/user-defined-network': '' });
  });

  it('leaves a foreign definition of its name alone, and says so until it goes', async () => {
    await started(async () => {
      await world.add(networkAttachmentDefinition, { metadata: at, spec: { config: '{"type":"bridge"}' } });
      await addUdn(primary);
    });
    expect((await told())[0]).toMatch(
      /^NetworkCreated=False SyncError: foreign NetworkAttachmentDefinition with the desired name already exist \[red\/net\]/,
    );
    expect((await nadAt(at))?.spec?.config).toBe('{"type":"bridge"}');
    await world.client.delete(networkAttachmentDefinition, at);
    expect((await told())[0]).toMatch(/^NetworkCreated=True/);
  });

  it('is the only primary one of its namespace, and the next when that goes', async () => {
    await started(() => addUdn(primary, 'red', 'first'));
    await addUdn(primary);
    expect((await told())[0]).toMatch(
      /^NetworkCreated=False SyncError: primary network already exist in namespace "red": "first"/,
    );
    await world.client.delete(userDefinedNetwork, { namespace: 'red', name: 'first' });
    expect((await told())[0]).toMatch(/^NetworkCreated=True/);
  });

  it('names the label that a namespace lacks for a primary network, and needs none for a secondary one', async () => {
    await started(async () => {
      await addUdn(primary, 'plain');
      await addUdn(
        { ...primary, layer2: { role: 'Secondary', subnets: ['10.1.0.0/16'] } },
        'plain',
        'second',
      );
    });
    expect((await told('plain'))[0]).toMatch(
      new RegExp(`^NetworkCreated=False SyncError: .*namespace "plain".*required namespace label "${label}"`),
    );
    expect((await told('plain', 'second'))[0]).toMatch(/^NetworkCreated=True/);
  });

  it('stays while pods are on it, names them, and goes with the last', async () => {
    await started(async () => {
      await addUdn(primary);
      await addUser();
    });
    await world.client.delete(userDefinedNetwork, at);
    expect((await told())[0]).toBe(
      'NetworkCreated=False SyncError: network in use by the following pods: [red/p]',
    );
    expect(await nadAt(at)).toBeDefined();
    await world.client.delete(pod, { namespace: 'red', name: 'p' }, { gracePeriodSeconds: 0 });
    await world.run();
    expect(await nadAt(at)).toBeUndefined();
    expect((await world.client.list(userDefinedNetwork, { namespace: 'red' })).items).toEqual([]);
  });

  it('says when its definition is being deleted while pods are on it', async () => {
    await started(async () => {
      await addUdn(primary);
      await addUser();
    });
    await world.client.delete(networkAttachmentDefinition, at);
    expect((await told())[0]).toBe(
      'NetworkCreated=False NetworkAttachmentDefinitionDeleted: NetworkAttachmentDefinition is being deleted: [red/net]',
    );
  });

  it('of topology Layer3 is allocated when every node has its part, and says which cannot', async () => {
    const subnets = [{ cidr: '10.20.0.0/24', hostSubnet: 25 }];
    await started(() => addUdn({ topology: 'Layer3', layer3: { role: 'Primary', subnets } }));
    expect(await configAt(at)).toMatchObject({ topology: 'layer3', subnets: '10.20.0.0/24/25' });
    expect(await told()).toHaveLength(1);
    const annotations = {
      'k8s.ovn.org/node-subnets': '{"default":["10.128.0.0/23"],"red_net":["10.20.0.0/25"]}',
    };
    await world.client.patch(node, { name: 'node1' }, { type: 'merge', body: { metadata: { annotations } } });
    expect((await told())[1]).toMatch(/^NetworkAllocationSucceeded=True/);
    for (const name of ['node2', 'node3']) {
      await world.client.create(node, { metadata: { name } });
    }
    expect((await told())[1]).toMatch(
      /^NetworkAllocationSucceeded=False InternalError: Network allocation failed for at least one node: \[node2, node3\]: subnets have room for 2 nodes and there are 3; add a range to its subnets/,
    );
  });
});

describe('a ClusterUserDefinedNetwork', () => {
  const localnet = {
    topology: 'Localnet',
    localnet: {
      role: 'Secondary',
      physicalNetworkName: 'physnet1',
      subnets: ['10.30.0.0/24'],
      excludeSubnets: ['10.30.0.0/28'],
      vlan: { mode: 'Access', access: { id: 77 } },
      ipam: { lifecycle: 'Persistent' },
    },
  } as const;
  const addCudn = (network: object = localnet) =>
    world.add(clusterUserDefinedNetwork, {
      metadata: { name: 'net' },
      spec: { namespaceSelector: { matchLabels: { team: 'a' } }, network: network as typeof localnet },
    });

  it('of topology Localnet renders the physical network, VLAN and ranges in every namespace, and lists those', async () => {
    await started(() => addCudn());
    expect((await toldOfCluster())[0]).toBe(
      'NetworkCreated=True NetworkAttachmentDefinitionCreated: NetworkAttachmentDefinition has been created in following namespaces: [blue, red]',
    );
    expect(await configAt({ namespace: 'blue', name: 'net' })).toEqual({
      cniVersion: '1.0.0',
      name: 'cluster_udn_net',
      type: 'ovn-k8s-cni-overlay',
      netAttachDefName: 'blue/net',
      topology: 'localnet',
      role: 'secondary',
      physicalNetworkName: 'physnet1',
      vlanID: 77,
      subnets: '10.30.0.0/24',
      excludeSubnets: '10.30.0.0/28',
      allowPersistentIPs: true,
    });
  });

  it('tells of nodes that lack its physical network, as its definitions do', async () => {
    await started(() => addCudn());
    const condition = {
      type: 'BridgeMapped',
      status: 'False',
      reason: 'BridgeMappingNotFound',
      message: 'physical network "physnet1" is mapped to no bridge of nodes: [n1]',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    };
    const body = { status: { conditions: [condition] } };
    await world.client.patch(
      networkAttachmentDefinition,
      at,
      { type: 'merge', body },
      { subresource: 'status' },
    );
    await world.run();
    expect(await toldOfCluster()).toContain(`BridgeMapped=False BridgeMappingNotFound: ${condition.message}`);
  });

  it('follows namespaces that come and go', async () => {
    await started(() => addCudn());
    await world.client.create(namespace, { metadata: { name: 'green', labels: { team: 'a' } } });
    const body = { metadata: { labels: { team: 'b' } } };
    await world.client.patch(namespace, { name: 'blue' }, { type: 'merge', body });
    expect((await toldOfCluster())[0]).toMatch(/following namespaces: \[green, red\]$/);
    expect(await nadAt({ namespace: 'blue', name: 'net' })).toBeUndefined();
  });

  it('keeps its definition where pods are on it, and names them', async () => {
    await started(async () => {
      await addCudn();
      await addUser('blue', 'blue/net');
    });
    const body = { metadata: { labels: { team: 'b' } } };
    await world.client.patch(namespace, { name: 'blue' }, { type: 'merge', body });
    expect((await toldOfCluster())[0]).toBe(
      'NetworkCreated=False NetworkAttachmentDefinitionSyncError: network in use by the following pods: [blue/p]',
    );
    expect(await nadAt({ namespace: 'blue', name: 'net' })).toBeDefined();
  });

  it('is made where it can be, and tells where it cannot', async () => {
    const { layer2, topology } = primary;
    await started(async () => {
      await addUdn(primary, 'blue', 'own');
      await addCudn({ topology, layer2 });
      const body = { metadata: { labels: { team: 'a' } } };
      await world.client.patch(namespace, { name: 'plain' }, { type: 'merge', body });
    });
    const [line] = await toldOfCluster();
    expect(line).toMatch(/^NetworkCreated=False NetworkAttachmentDefinitionSyncError: /);
    expect(line).toContain('primary network already exist in namespace "blue": "own"');
    expect(line).toContain(`required namespace label "${label}"`);
    expect(await nadAt(at)).toBeDefined();
    expect(await nadAt({ namespace: 'plain', name: 'net' })).toBeUndefined();
  });
});

function lines(
  conditions: readonly Pick<Condition, 'type' | 'status' | 'reason' | 'message'>[] = [],
): string[] {
  return conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
}
