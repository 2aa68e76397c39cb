/** Every NIC of pods and guests, with the network it is on. Pure. */
import type { Pod } from '#api/core/pod.ts';
import { parseIp } from '#api/ip-range.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import {
  type NetworkStatus,
  networkStatusAnnotation,
  parseNetworkStatus,
} from '#api/k8s.cni.cncf.io/network-status.ts';
import { type OpenPort, readOpenPorts } from '#api/k8s.ovn.org/open-ports.ts';
import type {
  VirtualMachineInstance,
  VmiInterface,
  VmiStatusInterface,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { NodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { parseYaml } from '#machinery/yaml.ts';
import { readBridges } from './bridges.ts';
import type { Segment } from './segment.ts';
import { defaultSegment, type Networks, openNetworks } from './segments.ts';

/** What there is, as the API tells it. */
export interface World {
  readonly pods: readonly Pod[];
  readonly vmis: readonly VirtualMachineInstance[];
  readonly definitions: readonly NetworkAttachmentDefinition[];
  readonly nodeStates: readonly NodeNetworkState[];
}

/** Where probes run. */
export interface Host {
  readonly kind: 'pod' | 'vm';
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
}

/** Ports, both ends included. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
}

/** A network card of a guest, or an interface of a pod. */
export interface Nic {
  readonly host: Host;
  /** Of a guest: the interface's name in the spec; of a pod: the device. */
  readonly name: string;
  /** Name inside of the guest or pod. */
  readonly device: string;
  readonly segment: Segment;
  /** First global address of each family, without prefix length. */
  readonly addresses: { readonly 4?: string; readonly 6?: string };
  /** Bytes of the largest packet, IP header included. */
  readonly mtu: number;
  /** True for the one with the default route. */
  readonly isPrimary: boolean;
  /** True when addresses are the pod's and NAT leads from there to the guest. */
  readonly isMasqueraded: boolean;
  /** Absent: every port is let in. */
  readonly lets?: readonly PortRange[];
  /** What it opens although its network is closed: the default one beside a primary network. */
  readonly opens?: readonly OpenPort[];
  /** Why it cannot be tested; absent when it can. */
  readonly untested?: string;
}

/** What devices of a primary user-defined network are called in pods. */
const primaryDevice = 'ovn-udn1';
const defaultMtu = 1500;

/** Lists the NICs of everything that runs, pods first, each in the order of namespaces and names. */
export function listNics(world: World): readonly Nic[] {
  const networks = openNetworks(
    world.definitions,
    new Map(world.nodeStates.map((state) => [state.metadata.name, readBridges(state)])),
  );
  const running = world.pods.filter(isRunning);
  const launchers = new Map(
    running.flatMap((pod) => {
      const vm = pod.metadata.labels?.['vm.kubevirt.io/name'];
      return isLauncher(pod) && vm !== undefined ? [[`${pod.metadata.namespace}/${vm}`, pod] as const] : [];
    }),
  );
  return [
    ...sorted(running.filter((pod) => !isLauncher(pod))).flatMap((pod) => podNics(pod, networks)),
    ...sorted(world.vmis.filter(({ status }) => status?.phase === 'Running')).flatMap((vmi) => {
      const { namespace = '', name } = vmi.metadata;
      return vmNics(vmi, statusOf(launchers.get(`${namespace}/${name}`)), networks);
    }),
  ];
}

/** `vm tenant-1/x:default`, `pod default/p:eth0` */
export function nicName({ host, name }: Pick<Nic, 'host' | 'name'>): string {
  return `${host.kind} ${host.namespace}/${host.name}:${name}`;
}

function sorted<
  T extends { readonly metadata: { readonly namespace?: string | undefined; readonly name: string } },
>(objects: readonly T[]): readonly T[] {
  const key = ({ metadata }: T): string => `${metadata.namespace ?? ''}/${metadata.name}`;
  return objects.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

function isRunning({ metadata, status }: Pod): boolean {
  return (
    metadata.deletionTimestamp === undefined &&
    status?.phase !== 'Succeeded' &&
    status?.phase !== 'Failed' &&
    metadata.annotations?.[networkStatusAnnotation] !== undefined
  );
}

function isLauncher(pod: Pod): boolean {
  return pod.metadata.labels?.['kubevirt.io'] === 'virt-launcher';
}

/** Annotations are anybody's to write: what is no JSON counts as absent. */
function statusOf(pod: Pod | undefined): readonly NetworkStatus[] {
  try {
    return parseNetworkStatus(pod?.metadata.annotations?.[networkStatusAnnotation]);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return [];
    }
    throw error;
  }
}

function podNics(pod: Pod, networks: Networks): readonly Nic[] {
  const { namespace = '', name } = pod.metadata;
  const host: Host = { kind: 'pod', namespace, name, node: pod.spec.nodeName ?? '' };
  const entries = statusOf(pod);
  const { ports: opens = [] } = readOpenPorts(pod.metadata.annotations, (yaml) =>
    parseYaml(yaml, { maxAliasCount: 0 }),
  );
  return entries.map((entry): Nic => {
    const segment = segmentOf(entry, entries, host.node, networks);
    const addresses = addressesOf(entry.ips ?? []);
    return {
      host,
      name: entry.interface,
      device: entry.interface,
      segment,
      addresses,
      mtu: entry.mtu ?? defaultMtu,
      isPrimary: entry.default === true,
      isMasqueraded: false,
      ...(segment.kind === 'locked' && opens.length > 0 && { opens }),
      ...untestedOn(segment, addresses),
    };
  });
}

function vmNics(
  vmi: VirtualMachineInstance,
  entries: readonly NetworkStatus[],
  networks: Networks,
): readonly Nic[] {
  const { namespace = '', name } = vmi.metadata;
  const host: Host = { kind: 'vm', namespace, name, node: vmi.status?.nodeName ?? '' };
  const isConnected =
    vmi.status?.conditions?.some(({ type, status }) => type === 'AgentConnected' && status === 'True') ===
    true;
  return (vmi.spec.domain.devices?.interfaces ?? []).flatMap((card): readonly Nic[] => {
    const seen = vmi.status?.interfaces?.find((one) => one.name === card.name);
    const entry = entries.find((one) => one.interface === seen?.podInterfaceName);
    if (entry === undefined) {
      return []; // Not plugged in yet.
    }
    const segment = segmentOf(entry, entries, host.node, networks);
    // Behind masquerade the world knows the guest by the pod's addresses; what it calls itself is nobody's business.
    const addresses = addressesOf((card.masquerade === undefined ? seen?.ipAddresses : entry.ips) ?? []);
    return [
      {
        host,
        name: card.name,
        device: seen?.interfaceName ?? '',
        segment,
        addresses,
        mtu: entry.mtu ?? defaultMtu,
        isPrimary: entry.default === true,
        isMasqueraded: card.masquerade !== undefined,
        ...letsOf(card),
        ...(isConnected
          ? untestedGuest(seen, segment, addresses)
          : { untested: "the guest's agent is not connected" }),
      },
    ];
  });
}

function segmentOf(
  entry: NetworkStatus,
  entries: readonly NetworkStatus[],
  node: string,
  networks: Networks,
): Segment {
  if (!entry.name.includes('/')) {
    return defaultSegment(entries.some((one) => one.interface === primaryDevice));
  }
  return networks.segment(entry.name, node);
}

/** A masqueraded interface that lists ports lets nothing else in. */
function letsOf({ masquerade, ports = [], portRanges = [] }: VmiInterface): Pick<Nic, 'lets'> {
  const protocolOf = (text = 'TCP'): PortRange['protocol'] => (text.toUpperCase() === 'UDP' ? 'udp' : 'tcp');
  const lets = [
    ...ports.map(({ protocol, port }) => ({ protocol: protocolOf(protocol), from: port, to: port })),
    ...portRanges.map(({ protocol, start, end }) => ({
      protocol: protocolOf(protocol),
      from: start,
      to: end,
    })),
  ];
  return masquerade === undefined || lets.length === 0 ? {} : { lets };
}

function addressesOf(texts: readonly string[]): Nic['addresses'] {
  const plain = texts.map((text) => text.split('/')[0] ?? '').filter((text) => isGlobal(text));
  const [v4, v6] = [plain.find((text) => !text.includes(':')), plain.find((text) => text.includes(':'))];
  return { ...(v4 !== undefined && { 4: v4 }), ...(v6 !== undefined && { 6: v6 }) };
}

/** Neither link-local nor loopback. */
function isGlobal(text: string): boolean {
  return parseIp(text) !== undefined && !/^(fe[89ab]|169\.254\.|127\.|::1$)/i.test(text);
}

function untestedOn({ kind }: Segment, addresses: Nic['addresses']): Pick<Nic, 'untested'> {
  if (kind === 'unknown') {
    return { untested: 'a network of a type that is not known here' };
  }
  return addresses[4] === undefined && addresses[6] === undefined ? { untested: 'no address' } : {};
}

function untestedGuest(
  seen: VmiStatusInterface | undefined,
  segment: Segment,
  addresses: Nic['addresses'],
): Pick<Nic, 'untested'> {
  if (seen?.interfaceName === undefined) {
    return { untested: 'the guest shows no such card' };
  }
  return seen.linkState === 'down' ? { untested: 'its link is down' } : untestedOn(segment, addresses);
}
