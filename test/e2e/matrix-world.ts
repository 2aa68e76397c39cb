/** What the matrix is measured on: as few guests as show every combination, and pods beside them. */

import { pod } from '#api/core/pod.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { until } from '#lab/wait.ts';
import { type Cluster, listOf } from './cluster.ts';

/** On a primary network, and every secondary one. */
export const tenant = 'matrix-tenant';
/** On a primary network and a secondary one with the same subnets. */
export const twin = 'matrix-twin';
/** On the default network, and on others with the same subnets or another VLAN. */
export const plain = 'matrix-plain';
const namespaces = [tenant, twin, plain];

const label = 'k8s.ovn.org/primary-user-defined-network';

const definition = (namespace: string, name: string, config: object): object => ({
  apiVersion: 'k8s.cni.cncf.io/v1',
  kind: 'NetworkAttachmentDefinition',
  metadata: { namespace, name },
  spec: {
    config: JSON.stringify({
      cniVersion: '0.3.1',
      name: `${namespace}-${name}`,
      type: 'ovn-k8s-cni-overlay',
      netAttachDefName: `${namespace}/${name}`,
      ...config,
    }),
  },
});

const userDefined = (namespace: string, name: string, spec: object): object => ({
  apiVersion: 'k8s.ovn.org/v1',
  kind: 'UserDefinedNetwork',
  metadata: { namespace, name },
  spec,
});

const subnets = (n: number): string => `10.${n}.0.0/24,fd${n}::/64`;
const physical = 'matrix-wire';
const vlan = (vlanID: number): object => ({
  topology: 'localnet',
  physicalNetworkName: physical,
  vlanID,
  subnets: subnets(42),
});
const primary = { topology: 'Layer2', layer2: { role: 'Primary', subnets: ['10.45.0.0/24', 'fd45::/64'] } };

/** Networks of the tenant besides its primary one. */
const tenantNetworks = ['l2', 'vlan', 'udn', 'udn-routed'];
const plainNetworks = ['l2', 'vlan'];
const twinNetworks = ['udn'];

function guest(namespace: string, name: string, node: string): object {
  const isTenant = namespace === tenant;
  const networks = isTenant ? tenantNetworks : [];
  const ethernets = Object.fromEntries([
    ['eth0', { dhcp4: true, dhcp6: true }],
    ...networks.map((_, index) => [`eth${index + 1}`, { dhcp4: true }]),
  ]);
  const interfaces = [
    { name: 'default', ...(isTenant ? { binding: { name: 'l2bridge' } } : { masquerade: {} }) },
    ...networks.map((network) => ({ name: network, bridge: {} })),
  ];
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { namespace, name },
    spec: {
      runStrategy: 'Always',
      template: {
        spec: {
          nodeSelector: { 'kubernetes.io/hostname': node },
          domain: { memory: { guest: '128Mi' }, devices: { interfaces } },
          networks: [
            { name: 'default', pod: {} },
            ...networks.map((network) => ({ name: network, multus: { networkName: network } })),
          ],
          volumes: [
            { name: 'seed', cloudInitNoCloud: { networkData: JSON.stringify({ version: 2, ethernets }) } },
          ],
        },
      },
    },
  };
}

/** No container runs in it: its network is all that is needed. */
const plainPod = (namespace: string, name: string, node: string, networks: readonly string[]): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace,
    name,
    ...(networks.length > 0 && { annotations: { 'k8s.v1.cni.cncf.io/networks': networks.join(',') } }),
  },
  spec: {
    nodeSelector: { 'kubernetes.io/hostname': node },
    containers: [{ name: 'main', image: 'localhost/none' }],
  },
});

const mapping = (state: 'present' | 'absent'): string =>
  JSON.stringify({
    apiVersion: 'nmstate.io/v1',
    kind: 'NodeNetworkConfigurationPolicy',
    metadata: { name: 'matrix-wire' },
    spec: { desiredState: { ovn: { 'bridge-mappings': [{ localnet: physical, bridge: 'br-ex', state }] } } },
  });

/** Guests and pods as `[namespace, name, node]`. */
const guests = [tenant, plain].flatMap((namespace) => [
  [namespace, 'x', 'node1'] as const,
  [namespace, 'y', 'node1'] as const,
  [namespace, 'z', 'node2'] as const,
]);
const pods = namespaces.flatMap((namespace) => [
  [namespace, 'p', 'node1'] as const,
  [namespace, 'q', 'node1'] as const,
  [namespace, 'r', 'node2'] as const,
]);

/** Makes all of it and waits until every address that a network gave is there. */
export async function makeWorld(cluster: Cluster): Promise<void> {
  await cluster.must(['create', '-f', '-'], mapping('present'));
  await cluster.must(['wait', 'nncp/matrix-wire', '--for=condition=Available', '--timeout=30s']);
  const networksOf: Readonly<Record<string, readonly string[]>> = {
    [tenant]: tenantNetworks,
    [plain]: plainNetworks,
    [twin]: twinNetworks,
  };
  const made = [
    ...namespaces.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, ...(name !== plain && { labels: { [label]: '' } }) },
    })),
    userDefined(tenant, 'primary', primary),
    userDefined(twin, 'primary', primary),
    ...[tenant, plain].map((to) => definition(to, 'l2', { topology: 'layer2', subnets: subnets(41) })),
    definition(tenant, 'vlan', vlan(41)),
    definition(plain, 'vlan', vlan(42)),
    ...[tenant, twin].map((to) =>
      userDefined(to, 'udn', {
        topology: 'Layer2',
        layer2: { role: 'Secondary', subnets: ['10.43.0.0/24', 'fd43::/64'] },
      }),
    ),
    userDefined(tenant, 'udn-routed', {
      topology: 'Layer3',
      layer3: { role: 'Secondary', subnets: [{ cidr: '10.44.0.0/16' }, { cidr: 'fd44::/48' }] },
    }),
    ...guests.map(([namespace, name, node]) => guest(namespace, name, node)),
    ...pods.map(([namespace, name, node]) => plainPod(namespace, name, node, networksOf[namespace] ?? [])),
  ];
  await cluster.must(['create', '-f', '-'], listOf(made.map((one) => JSON.stringify(one))));
  for (const [namespace, name] of pods) {
    const hasAddress = ['--for=jsonpath={.status.podIP}', '--timeout=60s'];
    await cluster.must(['wait', '-n', namespace, `pod/${name}`, ...hasAddress]);
  }
  for (const namespace of [tenant, plain]) {
    const connected = ['--for=condition=AgentConnected', '--timeout=120s'];
    await cluster.must(['wait', '-n', namespace, 'vmi', '--all', ...connected]);
  }
  await Promise.all(guests.map(([namespace, name]) => completeAddresses(cluster, namespace, name)));
}

/** Takes it away again. */
export async function removeWorld(cluster: Cluster): Promise<void> {
  await cluster.must(['delete', 'namespace', ...namespaces, '--timeout=90s']);
  await cluster.must(['apply', '-f', '-'], mapping('absent'));
  await cluster.must(['wait', 'nncp/matrix-wire', '--for=condition=Available', '--timeout=30s']);
  await cluster.must(['delete', 'nncp', 'matrix-wire']);
}

interface Told {
  readonly role: string;
  readonly ip_addresses?: readonly string[];
  readonly mac_address: string;
  readonly routes?: readonly { readonly dest: string; readonly nextHop: string }[];
}

/** $1 MAC of the card, $2 address, then pairs of destination and next hop. */
const setAddress = `
for card in /sys/class/net/eth*; do
  [ "$(cat "$card/address")" = "$1" ] || continue
  name=\${card##*/}
  echo 0 >"/proc/sys/net/ipv6/conf/$name/accept_dad"
  ip -6 addr show dev "$name" | grep -q "inet6 $2" || ip -6 addr add "$2" dev "$name" || exit
  shift 2
  while [ $# -ge 2 ]; do
    ip -6 route replace "$1" via "$2" dev "$name" || exit
    shift 2
  done
  exit 0
done
exit 3`;

/**
 * Secondary networks advertise nothing, so guests get their IPv6 addresses and routes there as static ones: those that OVN
 * gave. Resolves once the status tells all, and the guest has what it leases.
 */
async function completeAddresses(cluster: Cluster, namespace: string, name: string): Promise<void> {
  const labelSelector = `vm.kubevirt.io/name=${name}`;
  const [launcher] = (await cluster.client.list(pod, { namespace, labelSelector })).items;
  const annotation = launcher?.metadata.annotations?.['k8s.ovn.org/pod-networks'] ?? '{}';
  const told = Object.values(JSON.parse(annotation) as Readonly<Record<string, Told>>);
  for (const { role, ip_addresses: addresses = [], mac_address: mac, routes = [] } of told) {
    const v6 = addresses.find((address) => address.includes(':'));
    if (role === 'secondary' && v6 !== undefined) {
      const hops = routes
        .filter(({ dest }) => dest.includes(':'))
        .flatMap(({ dest, nextHop }) => [dest, nextHop]);
      const { exitCode, stderr } = await cluster.guest(namespace, name, setAddress, mac, v6, ...hops);
      if (exitCode !== 0) {
        throw new Error(`guest ${namespace}/${name}: ${v6}: ${stderr}`);
      }
    }
  }
  await until(`both addresses of eth0 of guest ${namespace}/${name}`, 90_000, async () => {
    const { stdout } = await cluster.guest(namespace, name, 'ip addr show dev eth0 scope global');
    return stdout.includes('inet ') && stdout.includes('inet6 ');
  });
  const wanted = told
    .filter(({ role }) => role !== 'infrastructure-locked')
    .reduce((sum, { ip_addresses: addresses = [] }) => sum + addresses.length, 0);
  await until(`every address of guest ${namespace}/${name}`, 60_000, async () => {
    const { status } = await cluster.client.get(virtualMachineInstance, { namespace, name });
    const lists = (status?.interfaces ?? []).map(({ ipAddresses = [] }) =>
      ipAddresses.filter((address) => !address.startsWith('fe80')),
    );
    const families = lists.map((list) => new Set(list.map((address) => address.includes(':'))).size);
    return families.reduce((sum, count) => sum + count, 0) >= wanted;
  });
}
