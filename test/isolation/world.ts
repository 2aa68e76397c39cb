/** What all these tests share: one instance with pods and a machine on every kind of network, and two tenants that are alike. */
import {
  awaitGuests,
  bridgeNad,
  type Cluster,
  listOf,
  openCluster,
  prepare,
  vmManifest,
} from '../e2e/cluster.ts';
import { instance, patchbay } from '../e2e/patchbay.ts';
import { type Nic, nicsOf, ovnNad, podManifest } from './lab.ts';

const namespace = 'isolation';
const tenants = ['isolation-t1', 'isolation-t2'] as const;
const vlan = { checked: 100, plain: 200, localnet: 300, bare: 400 };

/** Networks by the name of a pod's end: its definition, and what it promises (docs/isolation.md). */
export const networks = {
  eth0: { nad: undefined, addressed: true, checked: true },
  l2a0: { nad: 'iso-l2a', addressed: true, checked: true },
  lna0: { nad: 'iso-lna', addressed: true, checked: true, vlan: vlan.localnet },
  l2f0: { nad: 'iso-l2f', addressed: false, checked: true },
  lnf0: { nad: 'iso-lnf', addressed: false, checked: true, vlan: vlan.bare },
  brc0: { nad: 'iso-checked', addressed: false, checked: true, vlan: vlan.checked },
  brp0: { nad: 'iso-plain', addressed: false, checked: false, vlan: vlan.plain },
} as const;

/** The name of a pod's end. */
export type End = keyof typeof networks;
type Nics = ReadonlyMap<string, Nic>;

/** The pods. */
export interface World {
  readonly cluster: Cluster;
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  /** `attacker` and `victim` are on the first node, `far` on the second. */
  readonly attacker: Nics;
  readonly victim: Nics;
  readonly far: Nics;
  /** Behind masquerade on the first node, with a card on the checked bridge: its launcher's ends, and its QEMU. */
  readonly machine: { readonly nics: Nics; readonly pid: number; readonly mac: string };
  /** Of each tenant: two pods on the first node, one on the second. */
  readonly tenants: readonly (readonly Nics[])[];
  /** Who a node's end belongs to. */
  nameOf(hostLink: string): string;
}

const physical = JSON.stringify({
  apiVersion: 'nmstate.io/v1',
  kind: 'NodeNetworkConfigurationPolicy',
  metadata: { name: 'isolation-physical' },
  spec: {
    desiredState: {
      interfaces: [
        {
          name: 'ovs-isolation',
          type: 'ovs-bridge',
          state: 'up',
          bridge: { options: { stp: false }, port: [{ name: 'eth2' }] },
        },
      ],
      ovn: { 'bridge-mappings': [{ localnet: 'isolation', bridge: 'ovs-isolation', state: 'present' }] },
    },
  },
});

let opened: Promise<World> | undefined;

/** The world; made by whoever asks first. */
export function openWorld(): Promise<World> {
  opened ??= makeWorld();
  return opened;
}

/** Takes everything down again that `openWorld` made; the instance too when `whole`. */
export async function closeWorld(whole: boolean): Promise<void> {
  if (opened === undefined) {
    return;
  }
  const world = await opened.catch(() => undefined);
  opened = undefined;
  if (world !== undefined && !whole) {
    const { cluster } = world;
    await cluster.must(['delete', 'namespace', namespace, ...tenants, '--timeout=60s']);
    const gone = JSON.stringify({
      spec: {
        desiredState: {
          interfaces: [{ name: 'ovs-isolation', type: 'ovs-bridge', state: 'absent' }],
          ovn: { 'bridge-mappings': [{ localnet: 'isolation', state: 'absent' }] },
        },
      },
    });
    await cluster.must(['patch', 'nncp', 'isolation-physical', '--type=merge', '-p', gone]);
    await cluster.must(['wait', 'nncp/isolation-physical', '--for=condition=Available', '--timeout=30s']);
    await cluster.must(['delete', 'nncp', 'isolation-physical']);
  }
  world?.cluster.close();
  if (whole) {
    await patchbay(['down']);
  }
}

async function makeWorld(): Promise<World> {
  const cluster = await openCluster();
  await prepare(cluster, namespace);
  await cluster.must(['apply', '-f', '-'], physical);
  await cluster.must(['wait', 'nncp/isolation-physical', '--for=condition=Available', '--timeout=30s']);
  await cluster.must(['create', '-f', '-'], listOf([...definitions(), ...pods()]));
  for (const [space, names] of [
    [namespace, ['attacker', 'victim', 'far']],
    ...tenants.map((tenant) => [tenant, ['a', 'b', 'c']] as const),
  ] as const) {
    const asked = names.map((name) => `pod/${name}`);
    await cluster.must(['wait', '-n', space, ...asked, '--for=jsonpath={.status.podIP}', '--timeout=60s']);
  }
  await awaitGuests(cluster, namespace);
  const [attacker, victim, far] = await Promise.all(
    ['attacker', 'victim', 'far'].map((name, index) =>
      nicsOf(cluster, namespace, name, ownAddresses(index + 1)),
    ),
  );
  const tenantNics = await Promise.all(
    tenants.map((tenant) => Promise.all(['a', 'b', 'c'].map((name) => nicsOf(cluster, tenant, name)))),
  );
  const machine = await openMachine(cluster);
  const all = [attacker, victim, far, machine.nics, ...tenantNics.flat()].flatMap((nics) => [
    ...(nics?.values() ?? []),
  ]);
  const names = new Map(all.map(({ host, pod, link }) => [host, `${pod} ${link}`]));
  const { nodes } = await cluster.status();
  const none: Nics = new Map();
  return {
    cluster,
    nodes,
    attacker: attacker ?? none,
    victim: victim ?? none,
    far: far ?? none,
    machine,
    tenants: tenantNics,
    nameOf: (link) => names.get(link) ?? link,
  };
}

function definitions(): readonly string[] {
  const localnet = { topology: 'localnet', physicalNetworkName: 'isolation' };
  const primary = (tenant: string): string =>
    JSON.stringify({
      apiVersion: 'k8s.ovn.org/v1',
      kind: 'UserDefinedNetwork',
      metadata: { namespace: tenant, name: 'primary' },
      spec: { topology: 'Layer2', layer2: { role: 'Primary', subnets: ['10.0.0.0/16', 'fd10::/64'] } },
    });
  const labels = { 'k8s.ovn.org/primary-user-defined-network': '' };
  return [
    ...tenants.map((name) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }),
    ),
    ...tenants.map(primary),
    bridgeNad(namespace, 'iso-checked', { vlan: vlan.checked, macspoofchk: true }),
    bridgeNad(namespace, 'iso-plain', { vlan: vlan.plain }),
    ovnNad(namespace, 'iso-l2a', { topology: 'layer2', subnets: '10.60.0.0/24,fd60::/64' }),
    ovnNad(namespace, 'iso-l2f', { topology: 'layer2' }),
    ovnNad(namespace, 'iso-lna', { ...localnet, vlanID: vlan.localnet, subnets: '10.61.0.0/24' }),
    ovnNad(namespace, 'iso-lnf', { ...localnet, vlanID: vlan.bare }),
  ];
}

function pods(): readonly string[] {
  const ends = Object.fromEntries(
    Object.entries(networks).flatMap(([end, { nad }]) => (nad === undefined ? [] : [[nad, end]])),
  );
  const places = { attacker: 'node1', victim: 'node1', far: 'node2' };
  return [
    ...Object.entries(places).map(([name, node]) => podManifest(namespace, name, node, ends)),
    ...tenants.flatMap((tenant) =>
      Object.entries({ a: 'node1', b: 'node1', c: 'node2' }).map(([name, node]) =>
        podManifest(tenant, name, node, {}),
      ),
    ),
    vmManifest({
      namespace,
      name: 'machine',
      node: 'node1',
      nics: [{ name: 'lan', network: 'iso-checked', address: '10.62.0.9/24' }],
    }),
  ];
}

/** Addresses on networks that give none. */
function ownAddresses(last: number): Readonly<Record<string, string>> {
  return {
    brc0: `10.62.0.${last}/24`,
    brp0: `10.63.0.${last}/24`,
    l2f0: `10.64.0.${last}/24`,
    lnf0: `10.65.0.${last}/24`,
  };
}

async function openMachine(cluster: Cluster): Promise<World['machine']> {
  const name = await cluster.must([
    'get',
    'pods',
    '-n',
    namespace,
    '-l',
    'vm.kubevirt.io/name=machine',
    '-o',
    'jsonpath={.items[0].metadata.name}',
  ]);
  const { processes } = await cluster.status();
  const found = processes.find(
    ({ name: process }) => process.includes('machine') && process.includes('qemu'),
  );
  if (found === undefined) {
    const told = processes.map(({ group, name: process }) => `${group}/${process}`).join(', ');
    throw new Error(`no process of instance ${instance} is the machine's QEMU: ${told}`);
  }
  const path = 'jsonpath={.status.interfaces[?(@.name=="default")].mac}';
  const mac = (await cluster.must(['get', 'vmi', '-n', namespace, 'machine', '-o', path])).trim();
  return { nics: await nicsOf(cluster, namespace, name), pid: found.pid, mac };
}
