import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { node as nodeKind } from '#api/core/node.ts';
import { pod as podKind } from '#api/core/pod.ts';
import { run } from '#drivers/command.ts';
import type { OvsDriver } from '#drivers/ovs/driver.ts';
import { openOvs } from '#drivers/ovs/ovs.ts';
import { type Fabric, startFabric } from '#fabric/fabric.ts';
import { FakeApiClient } from '#machinery/fake-api-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { type LabNode, type OvnLab, startOvnLab } from './support/ovn-lab.ts';
import { startRelay } from './support/ovsdb.ts';

interface PodAnnotation {
  readonly default: {
    readonly ip_addresses: readonly string[];
    readonly mac_address: string;
    readonly gateway_ips: readonly string[];
  };
}

/** A pod as the agent connects it: link, address, route, and a port of br-int made by the driver. */
interface Connected {
  readonly netns: string;
  readonly address: string;
}

describe('the fabric on two OVN nodes', () => {
  const prefix = `t-fab-${process.pid}`;
  const client = new FakeApiClient();
  const end = new AbortController();
  const drivers = new Map<string, OvsDriver>();
  let lab: OvnLab;
  let fabric: Fabric;

  beforeAll(async () => {
    lab = await startOvnLab(prefix, ['n1', 'n2']);
    const factory = createInformerFactory(client);
    fabric = startFabric({ factory, ovnNb: lab.nb.remote, signal: end.signal });
    await factory.start(end.signal);
    for (const { name, vswitch } of lab.nodes) {
      await client.create(nodeKind, { metadata: { name } });
      drivers.set(name, openOvs({ db: vswitch.db.remote, tag: 'test' }));
    }
  });
  afterAll(async () => {
    end.abort();
    await fabric.done;
    for (const driver of drivers.values()) {
      await driver[Symbol.asyncDispose]();
    }
    await lab.dispose();
  });

  const annotationOf = async (name: string): Promise<PodAnnotation['default']> => {
    const read = async (): Promise<string | undefined> =>
      (await client.get(podKind, { name, namespace: 'ns' })).metadata.annotations?.[
        'k8s.ovn.org/pod-networks'
      ];
    await expect.poll(read, { interval: 2 }).toBeDefined();
    return (JSON.parse((await read()) ?? '') as PodAnnotation).default;
  };

  async function connect(node: LabNode, name: string): Promise<Connected> {
    const containers = [{ name: 'c', image: 'i' }];
    const created = await client.create(podKind, {
      metadata: { name, namespace: 'ns' },
      spec: { containers, nodeName: node.name },
    });
    const place = await annotationOf(name);
    const [address = '', gateway = ''] = [place.ip_addresses[0], place.gateway_ips[0]];
    const netns = await lab.addPod(node, name, name);
    await run(['ip', '-n', netns, 'link', 'set', 'eth0', 'address', place.mac_address, 'mtu', '1400', 'up']);
    await run(['ip', '-n', netns, 'addr', 'add', address, 'dev', 'eth0']);
    await run(['ip', '-n', netns, 'route', 'add', 'default', 'via', gateway]);
    const externalIds = {
      'iface-id': `ns_${name}`,
      'iface-id-ver': created.metadata.uid ?? '',
      attached_mac: place.mac_address,
    };
    const port = { kind: 'ovs-port', name, bridge: 'br-int', interfaceType: 'system', externalIds } as const;
    const outcomes = await drivers.get(node.name)?.apply([{ op: 'create', to: port }]);
    expect(outcomes?.map(({ error }) => error)).toEqual([undefined]);
    return { netns, address: address.split('/')[0] ?? '' };
  }

  const canPing = ({ netns }: Connected, address: string, size = 56): Promise<boolean> =>
    run(['busybox', 'ping', '-c1', '-W1', '-s', String(size), address], { netns }).then(
      () => true,
      () => false,
    );

  it('connects pods on one node and across nodes, at full size, and only as what they are', async () => {
    const [n1, n2] = lab.nodes as [LabNode, LabNode];
    const [a, b, c] = [await connect(n1, 'a'), await connect(n1, 'b'), await connect(n2, 'c')];
    expect([a, b, c].map(({ address }) => address)).toEqual(['10.128.0.3', '10.128.0.4', '10.128.2.3']);
    for (const target of [b, c]) {
      await expect.poll(() => canPing(a, target.address), { timeout: 20_000 }).toBe(true);
      // 1400 bytes of IP packet: what the pod's MTU allows passes whole.
      expect(await canPing(a, target.address, 1400 - 28)).toBe(true);
    }
    expect(await canPing(a, '10.128.0.1')).toBe(true);
    const outcomes = await drivers.get('n1')?.observe('');
    expect(outcomes).toHaveLength(2);

    await run(['ip', '-n', a.netns, 'link', 'set', 'eth0', 'address', '0a:58:0a:80:00:63']);
    expect(await canPing(a, b.address)).toBe(false);
  });

  it('removes the port of a pod that went', async () => {
    await client.delete(podKind, { name: 'b', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    const ports = (): Promise<string> =>
      lab.nbctl('--bare', '--columns=name', 'find', 'Logical_Switch_Port', 'name=ns_b');
    await expect.poll(ports).toBe('');
  });

  it('writes nothing after a restart', async () => {
    await fabric.settled();
    const before = await lab.nbctl('list', 'Logical_Switch_Port');
    const writes = client.writes.length;
    const again = new AbortController();
    const factory = createInformerFactory(client);
    const relay = await startRelay(join(lab.nb.directory, 'relay.sock'), lab.nb.socket);
    const second = startFabric({ factory, ovnNb: `unix:${relay.path}`, signal: again.signal });
    await factory.start(again.signal);
    await second.settled();
    again.abort();
    await second.done;
    relay.close();
    expect(relay.transactions()).toBe(0);
    expect(client.writes.length).toBe(writes);
    expect(await lab.nbctl('list', 'Logical_Switch_Port')).toBe(before);
  });
});
