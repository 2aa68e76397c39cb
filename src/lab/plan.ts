/** The lay-out of a lab, as plain data: what `up` makes and what `status` names. Pure. */
import type { IpFamily } from '#api/ip-range.ts';
import { PatchbayError } from '#machinery/errors.ts';
import {
  checkedNode,
  type InstancePaths,
  linkAlias,
  type NodePaths,
  nodeNetns,
  nodePaths,
  stableMac,
} from './names.ts';
import { composeCentral, composeNodeDaemons } from './plan-daemons.ts';
import { composeMtuSettings, composeOvsSettings } from './plan-switch.ts';

/** Which datapath Open vSwitch runs: the kernel's, or its own in user space. */
export type Datapath = 'system' | 'netdev';

/** What a lab is composed from. */
export interface LabInput {
  readonly paths: InstancePaths;
  /** Names of the nodes, in order: the first gets address .11. */
  readonly nodes: readonly string[];
  /** N of 192.168.N.0/24. */
  readonly machineSubnet: number;
  readonly datapath: Datapath;
  /** Address families of pods and nodes, the primary one first; default both. Tunnels and the API keep to IPv4. */
  readonly ipFamilies?: readonly IpFamily[];
  /** Largest packet on the wires, bytes; default 1500. */
  readonly mtu?: number;
}

/** What an Ethernet carries, bytes. */
const ethernetMtu = 1500;
const bothFamilies: readonly IpFamily[] = [4, 6];
/** What Geneve adds to a packet, bytes. */
const geneveOverhead = 100;

/** A daemon of the lab: detaches itself and writes a pid file. */
export interface DaemonPlan {
  /** `ovn-northd`, `node1/ovs-vswitchd`, … */
  readonly name: string;
  /** Named network namespace it runs in; absent = the machine's. */
  readonly netns?: string;
  /** True: started as the system user `patchbay`. */
  readonly unprivileged: boolean;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly pidFile: string;
  /** Its control socket; `<pid>` stands for what its pid file says. */
  readonly control: string;
  /** Database file it serves, made from `schema` when missing. */
  readonly database?: { readonly file: string; readonly schema: string };
}

/** A cable: one end on a bridge of the machine, the other a NIC of a node. */
export interface CablePlan {
  readonly bridge: string;
  /** The end in the machine's namespace. */
  readonly machineEnd: string;
  /** `eth0`, `eth1`, `eth2`. */
  readonly nic: string;
  readonly mac: string;
}

/** One node. */
export interface NodePlan {
  readonly name: string;
  readonly netns: string;
  /** IPv4 address on the machine network, without prefix length: its end of tunnels. */
  readonly address: string;
  /** Its addresses of the lab's families, the primary one first: what its Node tells. */
  readonly addresses: readonly string[];
  /** MAC of `br-ex`: another than eth0's, or the kernel would take eth0's frames a second time. */
  readonly uplinkMac: string;
  readonly cables: readonly CablePlan[];
  readonly sysctls: Readonly<Record<string, string>>;
  readonly paths: NodePaths;
  readonly ovsdb: DaemonPlan;
  readonly vswitchd: DaemonPlan;
  readonly controller: DaemonPlan;
  /** `ovs-vsctl` commands that settle the database before `ovs-vswitchd` starts. */
  readonly ovsSettings: readonly (readonly string[])[];
  /** The part of them that another `up` may change while `ovs-vswitchd` runs. */
  readonly mtuSettings: readonly (readonly string[])[];
}

/** A lab. */
export interface LabPlan {
  readonly instance: string;
  readonly alias: string;
  readonly datapath: Datapath;
  readonly ipFamilies: readonly IpFamily[];
  /** Largest packet on the wires, bytes. */
  readonly mtu: number;
  /** Largest packet of pods, bytes. */
  readonly podMtu: number;
  /** Bridge of the machine network and the machine's own addresses on it. */
  readonly machine: {
    readonly bridge: string;
    readonly address: string;
    readonly prefixLength: number;
    /** Absent where the lab has no IPv6. */
    readonly address6?: string;
  };
  /** Bridge of the physical network: no filtering, hence a trunk for every VLAN. */
  readonly physical: { readonly bridge: string };
  readonly central: { readonly databases: readonly DaemonPlan[]; readonly northd: DaemonPlan };
  readonly nodes: readonly NodePlan[];
}

/** Machine networks are 192.168.126.0/24 to 192.168.254.0/24. */
export const machineSubnets = { first: 126, last: 254 } as const;
/** Addresses .11 to .250 are nodes'. */
const firstNode = 11;
const mostNodes = 240;

/** Composes the lab of an instance. Throws a PatchbayError `InvalidLab` for more nodes than addresses. */
export function composeLab(input: LabInput): LabPlan {
  const { paths, nodes, machineSubnet, datapath, ipFamilies = bothFamilies, mtu = ethernetMtu } = input;
  if (nodes.length < 1 || nodes.length > mostNodes) {
    throw new PatchbayError(
      'InvalidLab',
      `--nodes ${nodes.length} is refused: allowed are 1 to ${mostNodes}`,
      {
        retryable: false,
      },
    );
  }
  return {
    instance: paths.instance,
    alias: linkAlias(paths.instance),
    datapath,
    ipFamilies,
    mtu,
    podMtu: mtu - geneveOverhead,
    machine: {
      bridge: machineBridge(machineSubnet),
      address: machineAddress(machineSubnet, 4, 1),
      prefixLength: machinePrefix[4],
      ...(ipFamilies.includes(6) && { address6: machineAddress(machineSubnet, 6, 1) }),
    },
    physical: { bridge: `${machineBridge(machineSubnet)}p` },
    central: composeCentral(paths),
    nodes: nodes.map((name, index) => composeNode(input, checkedNode(name), index)),
  };
}

/** Prefix lengths of the machine network. */
export const machinePrefix: Readonly<Record<IpFamily, number>> = { 4: 24, 6: 64 };

/** Host `n` on a machine network; the IPv6 one (a unique local address) is written as the IPv4 one. */
function machineAddress(machineSubnet: number, family: IpFamily, n: number): string {
  return family === 4 ? `192.168.${machineSubnet}.${n}` : `fd00:192:168:${machineSubnet}::${n}`;
}

/** Name of the machine network's bridge; making it claims the subnet. */
export function machineBridge(machineSubnet: number): string {
  return `pb${machineSubnet}`;
}

function composeNode(input: LabInput, name: string, index: number): NodePlan {
  const { paths, machineSubnet, datapath, ipFamilies = bothFamilies, mtu = ethernetMtu } = input;
  const bridge = machineBridge(machineSubnet);
  const netns = nodeNetns(paths.instance, name);
  const address = machineAddress(machineSubnet, 4, firstNode + index);
  const own = nodePaths(paths, name);
  return {
    name,
    netns,
    address,
    addresses: ipFamilies.map((family) => machineAddress(machineSubnet, family, firstNode + index)),
    uplinkMac: stableMac(paths.instance, name, 'br-ex'),
    cables: ['eth0', 'eth1', 'eth2'].map((nic, number) => ({
      bridge: number === 0 ? bridge : `${bridge}p`,
      machineEnd: `${bridge}n${index + 1}e${number}`,
      nic,
      mac: stableMac(paths.instance, name, nic),
    })),
    sysctls: ipFamilies.includes(6) ? { ...nodeSysctls, 'net.ipv6.conf.all.forwarding': '1' } : nodeSysctls,
    paths: own,
    ...composeNodeDaemons(paths, own, name, netns),
    ovsSettings: [...composeOvsSettings(paths, name, address, datapath), ...composeMtuSettings(mtu)],
    mtuSettings: composeMtuSettings(mtu),
  };
}

/**
 * A node forwards between its own devices and takes no router advertisements from the lab's wires. The netdev datapath
 * reads copies of `eth0`'s frames and the kernel still sees the frames themselves: there it must answer neither ARP nor
 * IPv6 for `br-ex`.
 */
const nodeSysctls: NodePlan['sysctls'] = {
  'net.ipv4.conf.all.arp_ignore': '1',
  'net.ipv6.conf.eth0.disable_ipv6': '1',
  'net.ipv4.ip_forward': '1',
  'net.ipv4.conf.all.send_redirects': '0',
  'net.ipv4.conf.all.rp_filter': '0',
  'net.ipv4.conf.default.rp_filter': '0',
  'net.ipv6.conf.all.accept_ra': '0',
  'net.ipv6.conf.default.accept_ra': '0',
};
