import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namespace as namespaceKind } from '#api/core/namespace.ts';
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { nodeSubnetsAnnotation as NODE_SUBNETS } from '#api/k8s.ovn.org/node-subnets.ts';
import { FakeOvn } from '#drivers/ovn/fake.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { FakeApiClient } from '#machinery/fake-api-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { type Log, silentLog } from '#machinery/log.ts';
import { POD_NETWORKS } from './annotations.ts';
import { DEFAULT_NETWORK, ofFamilies } from './config.ts';
import { type Fabric, type FabricOptions, startFabric } from './fabric.ts';

const newNode = (name: string, annotations: Record<string, string> = {}): Node => ({
  metadata: { name, annotations },
});
const newPod = (name: string, nodeName?: string, more: Partial<Pod> = {}): Pod => ({
  metadata: { name, namespace: 'ns', ...more.metadata },
  spec: {
    containers: [{ name: 'c', image: 'i' }],
    ...(nodeName === undefined ? {} : { nodeName }),
    ...more.spec,
  },
  ...(more.status === undefined ? {} : { status: more.status }),
});
const annotated = (
  name: string,
  node: string,
  address: string,
  mac = `0a:58:00:00:00:0${address.at(-1)}`,
): Pod => {
  const entry = { ip_addresses: [`${address}/23`], mac_address: mac };
  return newPod(name, node, {
    metadata: { name, namespace: 'ns', annotations: { [POD_NETWORKS]: JSON.stringify({ default: entry }) } },
  });
};

const ipv4 = ofFamilies(DEFAULT_NETWORK, [4]);

describe('the fabric', () => {
  let client: FakeApiClient;
  let ovn: FakeOvn;
  let stop: (() => Promise<void>) | undefined;
  let errors: string[];
  let othersChanged: () => void;
  beforeEach(() => {
    client = new FakeApiClient();
    ovn = new FakeOvn();
    errors = [];
  });
  afterEach(async () => stop?.());

  const start = async (options: Partial<FabricOptions> = {}): Promise<Fabric> => {
    await stop?.();
    const end = new AbortController();
    const factory = createInformerFactory(client);
    const log: Log = { ...silentLog, error: (fields) => errors.push((fields as { error: string }).error) };
    const fabric = startFabric({
      factory,
      ovnNb: (onChange) => {
        othersChanged = onChange;
        return {
          apply: (changes) => ovn.apply(changes),
          replace: (rows) => ovn.replace(rows),
          observe: () => ovn.observe(),
          [Symbol.asyncDispose]: async () => undefined, // The database outlives the fabric.
        };
      },
      signal: end.signal,
      log,
      windowMs: 1,
      ...options,
    });
    await factory.start(end.signal);
    stop = async () => {
      end.abort();
      await fabric.done;
    };
    await fabric.settled();
    return fabric;
  };
  const until = async (condition: () => unknown): Promise<void> => {
    await expect.poll(condition, { interval: 1, timeout: 2_000 }).toBeTruthy();
  };
  const subnetOf = async (name: string): Promise<string | undefined> =>
    (await client.get(nodeKind, { name })).metadata.annotations?.[NODE_SUBNETS];
  const networkOf = async (name: string): Promise<Record<string, unknown> | undefined> => {
    const text = (await client.get(podKind, { name, namespace: 'ns' })).metadata.annotations?.[POD_NETWORKS];
    return text === undefined
      ? undefined
      : (JSON.parse(text) as { default: Record<string, unknown> }).default;
  };
  const addressOf = async (name: string): Promise<unknown> => (await networkOf(name))?.['ip_address'];
  const add = async (...objects: Pod[]): Promise<void> => {
    for (const object of objects) {
      await client.create(podKind, object);
    }
  };
  const port = (pod: string) => ovn.row('Logical_Switch_Port', `ns_${pod}`);
  const created = async (pod: Pod): Promise<unknown> => {
    await add(pod);
    await until(() => addressOf(pod.metadata.name));
    return addressOf(pod.metadata.name);
  };

  it('tells nodes their parts of layer 3 networks, and no longer when those are gone', async () => {
    const config = {
      name: 'routed',
      type: 'ovn-k8s-cni-overlay',
      topology: 'layer3',
      netAttachDefName: 'ns/routed',
      subnets: '10.20.0.0/16/24',
    };
    await client.create(nodeKind, newNode('n1'));
    await client.create(networkAttachmentDefinition, {
      metadata: { namespace: 'ns', name: 'routed' },
      spec: { config: JSON.stringify(config) },
    });
    await start({ ...ipv4 });
    const both = '{"default":["10.128.0.0/23"],"routed":["10.20.0.0/24"]}';
    expect(await subnetOf('n1')).toBe(both);
    expect(ovn.row('Logical_Switch', 'routed_n1')).toBeDefined();
    const writes = client.writes.length;
    await start({ ...ipv4 });
    expect([await subnetOf('n1'), client.writes.length]).toEqual([both, writes]);
    await client.delete(networkAttachmentDefinition, { namespace: 'ns', name: 'routed' });
    await until(async () => (await subnetOf('n1')) === '{"default":["10.128.0.0/23"]}');
    expect(ovn.row('Logical_Switch', 'routed_n1')).toBeUndefined();
  });

  it('places nodes and pods, in annotations and rows', async () => {
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2'));
    await add(newPod('a', 'n1'), newPod('b', 'n2'));
    await start();
    expect([await subnetOf('n1'), await subnetOf('n2')]).toEqual([
      '{"default":["10.128.0.0/23","fd01::/64"]}',
      '{"default":["10.128.2.0/23","fd01:0:0:1::/64"]}',
    ]);
    expect(await networkOf('b')).toEqual({
      ip_addresses: ['10.128.2.3/23', 'fd01:0:0:1::3/64'],
      mac_address: '0a:58:0a:80:02:03',
      gateway_ips: ['10.128.2.1', 'fd01:0:0:1::1'],
      routes: [
        { dest: '10.128.0.0/14', nextHop: '10.128.2.1' },
        { dest: 'fd01::/48', nextHop: 'fd01:0:0:1::1' },
        { dest: '172.30.0.0/16', nextHop: '10.128.2.1' },
        { dest: 'fd02::/112', nextHop: 'fd01:0:0:1::1' },
        { dest: '100.64.0.0/16', nextHop: '10.128.2.1' },
        { dest: 'fd98::/64', nextHop: 'fd01:0:0:1::1' },
      ],
      ip_address: '10.128.2.3/23',
      gateway_ip: '10.128.2.1',
      role: 'primary',
    });
    const { metadata } = await client.get(podKind, { name: 'b', namespace: 'ns' });
    expect(port('b')).toEqual({
      table: 'Logical_Switch_Port',
      key: 'ns_b',
      columns: {
        name: 'ns_b',
        addresses: ['0a:58:0a:80:02:03 10.128.2.3 fd01:0:0:1::3'],
        port_security: ['0a:58:0a:80:02:03 10.128.2.3 fd01:0:0:1::3'],
        options: { 'requested-chassis': 'n2', 'iface-id-ver': metadata.uid },
        external_ids: { namespace: 'ns', pod: 'true' },
      },
      parent: { table: 'Logical_Switch', key: 'n2', column: 'ports' },
    });
    expect(ovn.row('Logical_Router_Port', 'rtos-n2')).toMatchObject({
      columns: { mac: '0a:58:0a:80:02:01', networks: ['10.128.2.1/23', 'fd01:0:0:1::1/64'] },
      parent: { key: 'ovn_cluster_router' },
    });
    expect(ovn.row('Logical_Switch_Port', 'stor-n2')?.columns['options']).toEqual({
      'router-port': 'rtos-n2',
    });
    expect(ovn.row('Logical_Switch', 'n2')?.columns['other_config']).toEqual({
      subnet: '10.128.2.0/23',
      exclude_ips: '10.128.2.2',
      ipv6_prefix: 'fd01:0:0:1::',
      mtu: '1400',
    });
    expect(ovn.row('Logical_Switch_Port', 'k8s-n2')?.columns['addresses']).toEqual([
      '0a:58:0a:80:02:02 10.128.2.2 fd01:0:0:1::2',
    ]);
  });

  it('writes one annotation a pod, and nothing after a restart', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start();
    const before = client.writes.length;
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.create(podKind, newPod(`p${i}`, 'n1'))));
    await until(() => port('p99'));
    await until(() => client.writes.length === before + 200);
    expect(ovn.results.length).toBeLessThan(6);
    const [writes, transactions] = [client.writes.length, ovn.results.length];
    await start();
    expect([client.writes.length, ovn.results.length]).toEqual([writes, transactions]);
    const addresses = await Promise.all(Array.from({ length: 100 }, (_, i) => addressOf(`p${i}`)));
    expect(new Set(addresses).size).toBe(100);
  });

  it('leaves alone what has no place on the network', async () => {
    await client.create(nodeKind, newNode('n1'));
    const spec = { containers: [], hostNetwork: true } as unknown as Pod['spec'];
    await add(
      newPod('unbound'),
      newPod('host', 'n1', { spec }),
      newPod('ended', 'n1', { status: { phase: 'Failed' } }),
    );
    await start();
    expect(await Promise.all(['unbound', 'host', 'ended'].map(networkOf))).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    const ports = (await ovn.observe()).filter(({ table }) => table === 'Logical_Switch_Port');
    expect(ports.map(({ key }) => key).filter((key) => key.startsWith('ns_'))).toEqual([]);
  });

  it('frees the address and port of pods that ended or went, and gives the address last of all', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start({ ...ipv4, clusterNetwork: [{ cidr: '10.128.0.0/24', hostPrefix: 29 }] });
    expect([await created(newPod('a', 'n1')), await created(newPod('b', 'n1'))]).toEqual([
      '10.128.0.3/29',
      '10.128.0.4/29',
    ]);
    await client.patch(
      podKind,
      { name: 'a', namespace: 'ns' },
      { type: 'merge', body: { status: { phase: 'Succeeded' } } },
      { subresource: 'status' },
    );
    await client.delete(podKind, { name: 'b', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    await until(() => port('a') === undefined && port('b') === undefined);
    const next = [];
    for (const name of ['c', 'd', 'e', 'f']) {
      next.push(await created(newPod(name, 'n1')));
    }
    expect(next).toEqual(['10.128.0.5/29', '10.128.0.6/29', '10.128.0.3/29', '10.128.0.4/29']);
    await add(newPod('g', 'n1'));
    await until(() => errors.length > 0);
    expect(errors[0]).toBe('pod ns/g gets no address: node n1 has none left in 10.128.0.0/29');
    await client.delete(podKind, { name: 'd', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    await until(() => addressOf('g'));
    expect(await addressOf('g')).toBe('10.128.0.6/29');
  });

  it('gives a pod that took an old name a port of its own', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start();
    await created(newPod('a', 'n1'));
    const former = port('a')?.columns['options'];
    await client.delete(podKind, { name: 'a', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    expect(await created(newPod('a', 'n1'))).toBe('10.128.0.4/23');
    expect(port('a')?.columns['options']).not.toEqual(former);
  });

  it('believes annotations before it gives anything away', async () => {
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2', { [NODE_SUBNETS]: '{"default":"10.128.0.0/23"}' }));
    await add(newPod('a', 'n2'), annotated('b', 'n2', '10.128.0.3'));
    await start();
    expect(await subnetOf('n1')).toBe('{"default":["10.128.2.0/23","fd01::/64"]}');
    expect(await subnetOf('n2')).toBe('{"default":["10.128.0.0/23","fd01:0:0:1::/64"]}');
    expect(await addressOf('a')).toBe('10.128.0.4/23');
    expect(port('b')?.columns['addresses']).toEqual(['0a:58:00:00:00:03 10.128.0.3']);
  });

  it.each([
    'not json',
    '[]',
    '{"default":{"ip_addresses":["10.128.0.9"],"mac_address":"01:00:00:00:00:00"}}',
  ])('replaces an annotation that says nothing: %s', async (text) => {
    await client.create(nodeKind, newNode('n1', { [NODE_SUBNETS]: text }));
    await add(
      newPod('a', 'n1', { metadata: { name: 'a', namespace: 'ns', annotations: { [POD_NETWORKS]: text } } }),
    );
    await start();
    expect(await subnetOf('n1')).toContain('10.128.0.0/23');
    expect(await addressOf('a')).toBe('10.128.0.3/23');
  });

  it('gives an address that two pods claim to the older one only', async () => {
    await client.create(nodeKind, newNode('n1'));
    await add(
      annotated('a', 'n1', '10.128.0.3'),
      annotated('b', 'n1', '10.128.0.3'),
      annotated('c', 'n1', '10.129.0.3'),
    );
    await start();
    expect(['a', 'b', 'c'].map((name) => port(name) !== undefined)).toEqual([true, false, false]);
    expect(errors).toEqual([
      expect.stringContaining('pod ns/b is annotated with 10.128.0.3'),
      expect.stringContaining('pod ns/c is annotated with 10.129.0.3'),
    ]);
  });

  it('keeps addresses unique when it crashes between allocation and commit', async () => {
    await client.create(nodeKind, newNode('n1'));
    client.intercept = ({ verb, key }) => {
      if (verb === 'patch' && key === 'ns/a') {
        throw new PatchbayError('ConnectionFailed', 'cut');
      }
    };
    await add(newPod('a', 'n1'), newPod('b', 'n1'));
    const end = new AbortController();
    const factory = createInformerFactory(client);
    const crashed = startFabric({ factory, ovnNb: () => ovn, signal: end.signal });
    await factory.start(end.signal);
    await until(async () => port('a') !== undefined && (await addressOf('b')) !== undefined);
    end.abort();
    await crashed.done;
    client.intercept = undefined;
    await start();
    const [a, b] = [await addressOf('a'), await addressOf('b')];
    expect(a).not.toBe(b);
    const told = await networkOf('a');
    const addresses = [told?.['ip_addresses']].flat().map((one) => String(one).split('/')[0]);
    expect(port('a')?.columns['addresses']).toEqual([`${told?.['mac_address']} ${addresses.join(' ')}`]);
  });

  it('tries annotations and rows again that failed', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start();
    let refusals = 2;
    client.intercept = ({ verb }) => {
      if (verb === 'patch' && refusals > 0) {
        refusals -= 1;
        throw new PatchbayError('ConnectionFailed', 'cut');
      }
    };
    ovn.failure = new PatchbayError('Timeout', 'database is away');
    await add(newPod('a', 'n1'));
    await until(() => addressOf('a'));
    expect(port('a')).toBeUndefined();
    ovn.failure = undefined;
    await until(() => port('a'));
    expect(await addressOf('a')).toBe('10.128.0.3/23');
  });

  it('frees the subnet of a node that went, and removes its rows', async () => {
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2'));
    await start({ ...ipv4, clusterNetwork: [{ cidr: '10.128.0.0/22', hostPrefix: 23 }] });
    await created(newPod('a', 'n1'));
    await client.create(nodeKind, newNode('n3'));
    await add(newPod('c', 'n3'));
    await until(() => errors.length > 0);
    expect(errors[0]).toContain('10.128.0.0/22 has room for 2 /23, and all are taken');
    await client.delete(nodeKind, { name: 'n1' });
    await until(() => addressOf('c'));
    expect(await subnetOf('n3')).toBe('{"default":["10.128.0.0/23"]}');
    expect((await ovn.observe()).map(({ key }) => key).filter((key) => /n1|ns_a/.test(key))).toEqual([]);
  });

  const asking = (name: string, mac: string, node = 'n1'): Pod =>
    newPod(name, node, {
      metadata: {
        name,
        namespace: 'ns',
        annotations: { 'v1.multus-cni.io/default-network': `[{"name":"default","mac":"${mac}"}]` },
      },
    });
  const macOfPod = async (name: string): Promise<unknown> => (await networkOf(name))?.['mac_address'];

  it('gives a MAC that was asked for, and refuses it while a pod of the node or its gateway has it', async () => {
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2'));
    await start();
    await created(asking('a', '02:00:00:00:00:AA'));
    await add(asking('b', '02:00:00:00:00:aa'), asking('d', '0a:58:0a:80:00:01'));
    await created(asking('c', '01:00:00:00:00:aa'));
    await created(asking('elsewhere', '02:00:00:00:00:aa', 'n2'));
    expect(await Promise.all(['a', 'b', 'c', 'd', 'elsewhere'].map(macOfPod))).toEqual([
      '02:00:00:00:00:aa',
      undefined,
      '0a:58:0a:80:00:04',
      undefined,
      '02:00:00:00:00:aa',
    ]);
    expect(port('b')).toBeUndefined();
    expect(errors).toEqual(
      expect.arrayContaining([
        'pod ns/b asks for MAC 02:00:00:00:00:aa, which pod ns/a has on the same switch; ask for another, or for none',
        'pod ns/d asks for MAC 0a:58:0a:80:00:01, which node n1 has on the same switch; ask for another, or for none',
      ]),
    );
    await client.delete(podKind, { name: 'a', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    await until(() => macOfPod('b'));
    expect(await macOfPod('b')).toBe('02:00:00:00:00:aa');
  });

  it('gives nobody by chance the MAC that somebody asked for', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start();
    await created(asking('a', '0a:58:0a:80:00:04'));
    await created(newPod('b', 'n1'));
    expect(await addressOf('b')).toBe('10.128.0.4/23');
    expect(await macOfPod('b')).not.toBe('0a:58:0a:80:00:04');
  });

  it('leaves a MAC that two annotations of one switch name to the older pod', async () => {
    const mac = '0a:58:00:00:00:09';
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2'));
    await add(
      annotated('a', 'n1', '10.128.0.3', mac),
      annotated('b', 'n1', '10.128.0.4', mac),
      annotated('c', 'n2', '10.128.2.3', mac),
    );
    await start();
    expect(['a', 'b', 'c'].map((name) => port(name) !== undefined)).toEqual([true, false, true]);
    expect(errors).toEqual([
      `pod ns/b is annotated with MAC ${mac}, which pod ns/a has on the same switch; recreate the pod`,
    ]);
    // Its address is free again.
    await add(annotated('d', 'n1', '10.128.0.4', '0a:58:00:00:00:0a'));
    await until(() => port('d'));
  });

  it('opens what a pod on a primary network opens on the default one, closes it, and tells what is wrong', async () => {
    const config = {
      ...{ name: 'ns_primary', type: 'ovn-k8s-cni-overlay', topology: 'layer2', role: 'primary' },
      ...{ netAttachDefName: 'ns/primary', subnets: '10.20.0.0/16' },
    };
    await client.create(nodeKind, newNode('n1'));
    await client.create(namespaceKind, {
      metadata: { name: 'ns', labels: { 'k8s.ovn.org/primary-user-defined-network': '' } },
    });
    await client.create(networkAttachmentDefinition, {
      metadata: { namespace: 'ns', name: 'primary' },
      spec: { config: JSON.stringify(config) },
    });
    const told: string[] = [];
    const event = (_to: unknown, type: string, reason: string, text: string): void => {
      told.push(`${type} ${reason} ${text}`);
    };
    await start({ events: { event } as unknown as NonNullable<FabricOptions['events']> });
    const open = 'k8s.ovn.org/open-default-ports';
    const annotate = async (text: string | null): Promise<void> => {
      await client.patch(
        podKind,
        { name: 'a', namespace: 'ns' },
        { type: 'merge', body: { metadata: { annotations: { [open]: text } } } },
      );
    };
    const match = (): unknown => ovn.row('ACL', 'ns_a-open-ingress')?.columns['match'];
    await created(
      newPod('a', 'n1', {
        metadata: { name: 'a', namespace: 'ns', annotations: { [open]: '[{"protocol":"tcp","port":80}]' } },
      }),
    );
    await until(match);
    expect(match()).toBe('outport == "ns_a" && (arp || nd || tcp.dst == 80)');
    await annotate('- protocol: icmp');
    await until(() => String(match()).includes('icmp'));
    expect(told).toEqual([]);
    await annotate('- protocol: tcp');
    await until(() => match() === undefined);
    expect(ovn.row('ACL', 'ns_a-open-egress')).toBeUndefined();
    expect(told).toEqual([
      'Warning ErrorUpdatingResource InvalidOpenPorts: annotation k8s.ovn.org/open-default-ports: [0]: port is required for tcp protocol; nothing is opened',
    ]);
    await annotate('- {protocol: udp, port: 53}');
    await until(() => String(match()).includes('udp.dst == 53'));
    await start(); // What is open is put back as a whole, too.
    expect(match()).toContain('udp.dst == 53');
    await client.delete(podKind, { name: 'a', namespace: 'ns' }, { gracePeriodSeconds: 0 });
    await until(() => match() === undefined);
  });

  it('puts rows back that others removed', async () => {
    await client.create(nodeKind, newNode('n1'));
    await start();
    await created(newPod('a', 'n1'));
    await ovn.apply({ put: [], remove: [{ table: 'Logical_Switch_Port', key: 'ns_a' }] });
    othersChanged();
    await until(() => port('a'));
  });

  it('refuses a network that cannot work', async () => {
    await expect(start({ clusterNetwork: [{ cidr: '172.30.0.0/15', hostPrefix: 23 }] })).rejects.toThrow(
      'serviceNetwork[0] 172.30.0.0/16 overlaps clusterNetwork[0].cidr 172.30.0.0/15',
    );
    stop = undefined;
  });

  it.each([
    [[4] as const, '10.128.0.3/23', ['10.128.0.1/23'], ['169.254.0.1/17']],
    [[6] as const, 'fd01::3/64', ['fd01::1/64'], ['fd69::1/112']],
  ])('works with IPv%s alone', async (families, address, gateway, outward) => {
    await client.create(nodeKind, newNode('n1'));
    await start(ofFamilies(DEFAULT_NETWORK, families));
    expect(await created(newPod('a', 'n1'))).toBe(address);
    expect((await networkOf('a'))?.['ip_addresses']).toEqual([address]);
    expect(ovn.row('Logical_Router_Port', 'rtos-n1')?.columns['networks']).toEqual(gateway);
    expect(ovn.row('Logical_Router_Port', 'rtoe-GR_n1')?.columns['networks']).toEqual(outward);
  });

  it('leads both families out at the node, each behind its masquerade address', async () => {
    await client.create(nodeKind, newNode('n1'));
    await client.create(nodeKind, newNode('n2'));
    await start();
    expect(ovn.row('Logical_Router_Port', 'rtoj-GR_n2')?.columns['networks']).toEqual([
      '100.64.0.3/16',
      'fd98::3/64',
    ]);
    const exit = (key: string) =>
      ovn.row('Logical_Router_Static_Route', `ovn_cluster_router-${key}`)?.columns;
    expect(exit('n2')).toEqual({ ip_prefix: '10.128.2.0/23', nexthop: '100.64.0.3', policy: ['src-ip'] });
    expect(exit('n2@6')).toEqual({ ip_prefix: 'fd01:0:0:1::/64', nexthop: 'fd98::3', policy: ['src-ip'] });
    expect(ovn.row('NAT', 'GR_n2-out-0@6')?.columns).toEqual({
      type: 'snat',
      external_ip: 'fd69::1',
      logical_ip: 'fd01::/48',
    });
  });

  it('takes a cluster over that had IPv4 alone: nodes get their second subnet, pods keep what they have', async () => {
    await client.create(nodeKind, newNode('n1'));
    await add(newPod('old', 'n1'));
    await start(ipv4);
    await start();
    expect(await subnetOf('n1')).toBe('{"default":["10.128.0.0/23","fd01::/64"]}');
    expect(port('old')?.columns['addresses']).toEqual(['0a:58:0a:80:00:03 10.128.0.3']);
    await created(newPod('new', 'n1'));
    expect((await networkOf('new'))?.['ip_addresses']).toEqual(['10.128.0.4/23', 'fd01::3/64']);
    const [writes, transactions] = [client.writes.length, ovn.results.length];
    await start();
    expect([client.writes.length, ovn.results.length]).toEqual([writes, transactions]);
  });

  it('takes a family away that the cluster has no more', async () => {
    await client.create(nodeKind, newNode('n1'));
    await add(newPod('a', 'n1'));
    await start();
    await start(ipv4);
    expect(await subnetOf('n1')).toBe('{"default":["10.128.0.0/23"]}');
    expect((await networkOf('a'))?.['ip_addresses']).toEqual(['10.128.0.3/23']);
    expect(port('a')?.columns['addresses']).toEqual(['0a:58:0a:80:00:03 10.128.0.3']);
    expect((await ovn.observe()).filter(({ key }) => key.endsWith('@6'))).toEqual([]);
  });
});
