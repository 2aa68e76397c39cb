import { afterEach, describe, expect, it } from 'vitest';
import { pod } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { createFakeDhcpDriver } from '#drivers/dnsmasq/fake.ts';
import { createFakeGuestDriver, type FakeGuest } from '#drivers/guest/fake.ts';
import { openContainerImages } from '#drivers/image/container-images.ts';
import type { ImageStore, ResolvedImage } from '#drivers/image/driver.ts';
import { createFakeIpDriver } from '#drivers/ip/fake.ts';
import { createFakeNftDriver } from '#drivers/nft/fake.ts';
import { FakeOvs } from '#drivers/ovs/fake.ts';
import { FakeContainerDriver } from '#drivers/pod/fake.ts';
import { FakeVmDriver } from '#drivers/qemu/fake.ts';
import { createFakeSysctlDriver } from '#drivers/sysctl/fake.ts';
import { source } from '#machinery/controller.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { GuestWatch } from './guest-watch.ts';
import { agentInformers } from './informers.ts';
import { PlainPods } from './pods/plain-pods.ts';
import { SandboxLoop } from './sandbox-loop.ts';
import { createTrigger } from './trigger.ts';
import { World } from './world.ts';

const sandboxPrefix = 'lab.node1.';
const podNetworks = JSON.stringify({
  default: { ip_addresses: ['10.128.0.5/23'], mac_address: '0a:58:0a:80:00:05', gateway_ips: ['10.128.0.1'] },
});
const image: ResolvedImage = {
  reference: 'default-guest',
  digest: 'sha256:0',
  size: 1,
  virtualSize: 0,
  importedAt: '2026-01-01T00:00:00Z',
  image: { type: 'kernel', boot: { kernel: '/k', arguments: '' } },
};

/** A node that outlives the agents that run on it. */
class FakeNode {
  readonly ip = createFakeIpDriver(['eth1']);
  readonly vm = new FakeVmDriver();
  readonly ovs = new FakeOvs();
  readonly guests = new Map<string, FakeGuest>();
  readonly containers = new FakeContainerDriver();
  readonly containerImages = openContainerImages('/nonexistent');
  readonly drivers = [
    this.ip,
    createFakeNftDriver(),
    createFakeSysctlDriver(),
    this.ovs,
    createFakeDhcpDriver(),
    this.vm,
  ];
  images: Pick<ImageStore, 'resolve' | 'defaultGuest'> = {
    resolve: async () => image,
    defaultGuest: async () => image,
  };

  async agent(): Promise<FakeWorld> {
    const world = new World({
      drivers: this.drivers,
      sandboxPrefix,
      findScopes: () => this.ip.namespaces(sandboxPrefix),
    });
    await world.load();
    return new FakeWorld((factory, { clock, log, events }) => {
      const { pods, vmis, nads } = agentInformers(factory, 'node1');
      const trigger = createTrigger();
      const loop = new SandboxLoop({
        client: factory.client,
        pods,
        vmis,
        nads,
        world,
        facts: () => ({
          bridgeVlanFiltering: false,
          podMtu: 1400,
          ovsUserspace: true,
          bridges: new Map([['br1', { realisedBy: 'ovs-bridge', mtu: 1500 }]]),
        }),
        vm: this.vm,
        plain: new PlainPods({
          client: factory.client,
          driver: this.containers,
          images: this.containerImages,
          events,
          log,
          clock,
          hostIPs: ['192.168.126.11'],
          cpus: 2,
          memory: 1024 ** 3,
          pods: () => pods.list(),
          names: { dnsServers: ['192.0.2.53'], clusterDomain: 'cluster.local' },
          wake: (uid) => trigger.fire(uid),
        }),
        guests: new GuestWatch({
          vm: this.vm,
          guest: createFakeGuestDriver(this.guests),
          clock,
          log,
          changed: (netns) => trigger.fire(netns.slice(sandboxPrefix.length)),
        }),
        images: this.images as ImageStore,
        events,
        log,
        clock,
        sandboxPrefix,
        nodeAddresses: ['192.168.126.11'],
        accelerator: 'tcg',
        settings: { qemuUser: 107, dnsServers: [], clusterDomain: 'cluster.local' },
      });
      const uids = (list: readonly { metadata: { uid?: string | undefined } }[]) =>
        list.flatMap(({ metadata }) => metadata.uid ?? []);
      return [
        {
          name: 'sandbox',
          sources: [
            source(pods, ({ object }) => uids([object])),
            source(vmis, () => uids(pods.list())),
            source(nads, () => uids(pods.list())),
            trigger.source,
          ],
          reconcile: (uid) => loop.reconcile(uid),
        },
      ];
    });
  }
}

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

async function launcher(node: FakeNode, networks?: string, phase: 'Pending' | 'Running' = 'Pending') {
  const world = await node.agent();
  open.push(world);
  const vmi = await world.add(virtualMachineInstance, {
    metadata: { name: 'vm-a', namespace: 'demo', labels: { 'kubevirt.io/nodeName': 'node1' } },
    spec: {
      domain: {
        memory: { guest: '128Mi' },
        devices: { interfaces: [{ name: 'default', masquerade: {}, ports: [{ port: 80 }] }] },
      },
      networks: [{ name: 'default', pod: {} }],
    },
    status: { phase: 'Scheduled', nodeName: 'node1' },
  });
  const made = await world.add(pod, {
    metadata: {
      name: 'virt-launcher-vm-a',
      namespace: 'demo',
      labels: { 'kubevirt.io/created-by': vmi.metadata.uid ?? '' },
      annotations: {
        'k8s.ovn.org/pod-networks': podNetworks,
        ...(networks !== undefined && { 'k8s.v1.cni.cncf.io/networks': networks }),
      },
    },
    spec: { nodeName: 'node1', containers: [{ name: 'compute', image: 'launcher' }] },
    status: { phase },
  });
  world.takeWrites();
  await world.start();
  await world.run();
  return { world, vmi, uid: made.metadata.uid ?? '', netns: `${sandboxPrefix}${made.metadata.uid}` };
}

const podOf = (world: FakeWorld) => world.client.get(pod, { namespace: 'demo', name: 'virt-launcher-vm-a' });
const vmiOf = (world: FakeWorld) =>
  world.client.get(virtualMachineInstance, { namespace: 'demo', name: 'vm-a' });

describe('a launcher pod', () => {
  it('gets its sandbox and guest, told in one write to the pod and one to the VMI', async () => {
    const { world, netns } = await launcher(new FakeNode());
    expect(world.takeWrites().toSorted()).toEqual([
      'patch Pod demo/virt-launcher-vm-a status',
      'patch VirtualMachineInstance demo/vm-a status',
    ]);
    expect((await podOf(world)).status).toMatchObject({
      phase: 'Running',
      podIP: '10.128.0.5',
      hostIP: '192.168.126.11',
      containerStatuses: [{ name: 'compute', ready: true }],
    });
    expect((await vmiOf(world)).status).toMatchObject({
      phase: 'Running',
      interfaces: [
        { name: 'default', ipAddress: '10.128.0.5', infoSource: 'domain', podInterfaceName: 'eth0' },
      ],
    });
    expect(netns).toContain(sandboxPrefix);
  });

  it('is left alone by the next agent', async () => {
    const node = new FakeNode();
    const { world } = await launcher(node);
    await world.stop();
    world.takeWrites();
    const batches = node.ip.batches.length;
    node.images = {
      resolve: () => Promise.reject(new Error('gone')),
      defaultGuest: () => Promise.reject(new Error('gone')),
    };
    await world.start();
    await world.run(60_000);
    expect(world.takeWrites()).toEqual([]);
    expect(node.ip.batches.length).toBe(batches);
  });

  it('lets its guest begin only when the network is there, also after a failure', async () => {
    const node = new FakeNode();
    const apply = node.ovs.apply.bind(node.ovs);
    node.ovs.apply = async (operations) =>
      operations.map((operation) => ({ operation, error: new Error('no switch') }));
    const { world, vmi, netns } = await launcher(node);
    const uid = vmi.metadata.uid ?? '';
    expect(await node.vm.observe(netns)).toMatchObject([{ uid, held: true }]);
    expect(await node.vm.info(uid)).toMatchObject({ status: 'paused' });
    expect((await podOf(world)).status?.phase).toBe('Pending');
    node.ovs.apply = apply;
    await world.run(60_000);
    expect(await node.vm.info(uid)).toMatchObject({ status: 'running' });
    expect((await vmiOf(world)).status?.phase).toBe('Running');
  });

  it('shows what the guest agent tells, and AgentConnected', async () => {
    const node = new FakeNode();
    const { world, vmi } = await launcher(node);
    const uid = vmi.metadata.uid ?? '';
    node.guests.set(uid, {
      hostname: 'vm-a',
      osInfo: { id: 'debian' },
      interfaces: [{ name: 'enp1s0', mac: '0a:58:0a:80:00:05', addresses: ['10.0.2.2/24', 'fe80::1/64'] }],
    });
    node.vm.setAgent(uid, true);
    await world.run();
    const { status } = await vmiOf(world);
    expect(status).toMatchObject({ guestOSInfo: { id: 'debian' } });
    expect(status?.conditions?.find(({ type }) => type === 'AgentConnected')?.status).toBe('True');
    expect(status?.interfaces).toMatchObject([
      {
        ipAddress: '10.128.0.5',
        ipAddresses: ['10.128.0.5'],
        interfaceName: 'enp1s0',
        infoSource: 'domain, guest-agent',
      },
    ]);
  });

  it.each([
    ['shutdown', 'Succeeded'],
    ['exited', 'Failed'],
    ['panicked', 'Failed'],
  ] as const)('ends when its guest is %s', async (status, phase) => {
    const node = new FakeNode();
    const { world, vmi, netns } = await launcher(node);
    node.vm.setStatus(vmi.metadata.uid ?? '', status);
    await world.run();
    expect((await podOf(world)).status).toMatchObject({ phase });
    expect(await node.vm.observe(netns)).toEqual([]);
    expect(await node.ip.namespaces(sandboxPrefix)).toEqual([]);
    expect(await node.ovs.observe('')).toEqual([]);
  });

  it('has failed when nothing is left of a guest that ran', async () => {
    const node = new FakeNode();
    const { world } = await launcher(node, undefined, 'Running');
    expect((await podOf(world)).status).toMatchObject({ phase: 'Failed', reason: 'GuestLost' });
    expect(node.ip.batches).toEqual([]);
  });

  it('has failed so also when its network is not there, as after a restart of the node', async () => {
    const { world } = await launcher(new FakeNode(), '[{"name":"blue"}]', 'Running');
    expect((await podOf(world)).status).toMatchObject({ phase: 'Failed', reason: 'GuestLost' });
    expect(await world.eventReasons()).toEqual([]);
  });

  it('waits for its network, says so, and comes up when it is there', async () => {
    const { world } = await launcher(new FakeNode(), '[{"name":"blue"}]');
    expect((await podOf(world)).status).toMatchObject({
      phase: 'Pending',
      message: 'cannot find a network-attachment-definition (blue) in namespace (demo); there is none',
    });
    expect(await world.eventReasons()).toContain('FailedCreatePodSandBox');
    await world.add(networkAttachmentDefinition, {
      metadata: { name: 'blue', namespace: 'demo' },
      spec: { config: '{"type":"bridge","bridge":"br2"}' },
    });
    await world.run();
    expect((await podOf(world)).status?.message).toContain('did you mean "br1"?');
  });

  it('has its namespace before its addresses, and leaves nothing of it when it never gets any', async () => {
    const node = new FakeNode();
    const world = await node.agent();
    open.push(world);
    const made = await world.add(pod, {
      metadata: { name: 'early', namespace: 'demo' },
      spec: { nodeName: 'node1', containers: [{ name: 'main', image: 'x' }] },
    });
    world.takeWrites();
    await world.start();
    await world.run();
    expect(await node.ip.namespaces(sandboxPrefix)).toEqual([`${sandboxPrefix}${made.metadata.uid}`]);
    expect(world.takeWrites()).toEqual([]);
    await world.client.delete(pod, { namespace: 'demo', name: 'early' }, { gracePeriodSeconds: 0 });
    await world.run();
    expect(await node.ip.namespaces(sandboxPrefix)).toEqual([]);
  });

  it('presses the power button, then goes with everything', async () => {
    const node = new FakeNode();
    const { world, netns } = await launcher(node);
    await world.client.delete(
      pod,
      { namespace: 'demo', name: 'virt-launcher-vm-a' },
      { gracePeriodSeconds: 45 },
    );
    await world.run();
    await expect(podOf(world)).rejects.toMatchObject({ code: 404 });
    expect(await node.vm.observe(netns)).toEqual([]);
    expect(await node.ip.namespaces(sandboxPrefix)).toEqual([]);
  });
});
