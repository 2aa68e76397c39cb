/** Makes the lab's bridges, namespaces and cables: what is missing, in one `ip -batch` per namespace. */
import type { IpFamily } from '#api/ip-range.ts';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { isAliasOf, linkAlias } from './names.ts';
import { type LabPlan, machineBridge, machinePrefix, machineSubnets, type NodePlan } from './plan.ts';
import { gatewayBridge } from './plan-switch.ts';

/** A link as `ip -j -d addr show` prints it, as far as we read it. */
export interface IpLink {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly ifalias?: string;
  readonly mtu: number;
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
}

/** Links and addresses of a namespace; absent = the machine's own. */
export async function observeLinks(netns?: string): Promise<readonly IpLink[]> {
  const { stdout } = await run([...ip(netns), '-j', '-d', 'addr', 'show']);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as IpLink[]);
}

/** Names of the namespaces of an instance: `<instance>.…`. */
export async function observeNetns(instance: string): Promise<readonly string[]> {
  const { stdout } = await run(['ip', '-j', 'netns', 'list']);
  const rows = stdout.trim() === '' ? [] : (JSON.parse(stdout) as { readonly name: string }[]);
  return rows.map(({ name }) => name).filter((name) => name.startsWith(`${instance}.`));
}

/** Runs lines of `ip -batch` in one process. */
export async function ipBatch(lines: readonly string[], netns?: string): Promise<void> {
  if (lines.length > 0) {
    await run([...ip(netns), '-batch', '-'], { input: `${lines.join('\n')}\n` });
  }
}

function ip(netns: string | undefined): string[] {
  return netns === undefined ? ['ip'] : ['ip', '-n', netns];
}

/**
 * Claims a machine subnet by making its bridge; two instances started at once cannot both make it.
 * `preferred` is the subnet the instance had before. Throws a PatchbayError `NoSubnet` when all are taken.
 */
export async function claimMachineSubnet(instance: string, preferred?: number): Promise<number> {
  const links = await observeLinks();
  const taken = new Set(
    links
      .filter(({ ifalias }) => !isAliasOf(instance, ifalias))
      .flatMap(
        ({ addr_info }) => addr_info?.map(({ local }) => local.split('.').slice(0, 3).join('.')) ?? [],
      ),
  );
  const names = new Set(links.map(({ ifname }) => ifname));
  const own = links.find(({ ifname, ifalias }) => ifalias === linkAlias(instance) && /^pb\d+$/.test(ifname));
  if (own !== undefined) {
    return Number(own.ifname.slice(2));
  }
  const all = Array.from(
    { length: machineSubnets.last - machineSubnets.first + 1 },
    (_, index) => machineSubnets.first + index,
  );
  for (const subnet of preferred === undefined ? all : [preferred, ...all]) {
    const bridge = machineBridge(subnet);
    if (!taken.has(`192.168.${subnet}`) && !names.has(bridge) && (await makeBridge(bridge, instance))) {
      return subnet;
    }
  }
  throw new PatchbayError(
    'NoSubnet',
    `every network from 192.168.${machineSubnets.first}.0/24 to 192.168.${machineSubnets.last}.0/24 is in use on this machine; take down an instance (patchbay down --name …)`,
    { retryable: false },
  );
}

/** Makes a bridge; false when somebody else made one of that name first. */
async function makeBridge(bridge: string, instance: string): Promise<boolean> {
  try {
    await ipBatch([
      `link add ${bridge} type bridge ${bridgeOptions}`,
      `link set ${bridge} alias ${linkAlias(instance)}`,
    ]);
    return true;
  } catch (error) {
    if (error instanceof PatchbayError && error.message.includes('File exists')) {
      return false;
    }
    throw error;
  }
}

/** A wire, not a switch with opinions: no spanning tree, no multicast snooping (which needs a querier). */
const bridgeOptions = 'stp_state 0 forward_delay 0 mcast_snooping 0';

/** What applying the network changed. */
export interface NetworkChanges {
  /** Nodes whose namespace was made just now: nothing of an older run is in it. */
  readonly freshNodes: ReadonlySet<string>;
}

/** Makes what is missing of bridges, namespaces and cables. A second run changes nothing. */
export async function applyNetwork(plan: LabPlan): Promise<NetworkChanges> {
  const [links, netns] = await Promise.all([observeLinks(), observeNetns(plan.instance)]);
  const there = new Map(links.map((link) => [link.ifname, link]));
  const namespaces = new Set(netns);
  const fresh = plan.nodes.filter((node) => !namespaces.has(node.netns));
  await ipBatch([
    ...composeBridge(plan, there),
    ...plan.nodes.flatMap((node) => composeCables(plan, node, there, namespaces.has(node.netns))),
  ]);
  const freshNodes = new Set(fresh.map(({ name }) => name));
  await Promise.all([
    ...plan.nodes.map((node) => applyInside(node, plan.mtu, freshNodes.has(node.name))),
    ...(plan.datapath === 'netdev' ? offloadsOff(plan) : []),
  ]);
  return { freshNodes };
}

/** Lines for both bridges. */
function composeBridge({ machine, physical, alias }: LabPlan, there: ReadonlyMap<string, IpLink>): string[] {
  const lines: string[] = [];
  const own = there.get(machine.bridge);
  const addresses = [`${machine.address}/${machine.prefixLength}`, ...v6(machine.address6)];
  if (own === undefined) {
    lines.push(`link add ${machine.bridge} type bridge ${bridgeOptions}`);
  }
  if (own?.ifalias !== alias) {
    lines.push(`link set ${machine.bridge} alias ${alias}`);
  }
  lines.push(...missingAddresses(machine.bridge, own, addresses));
  if (own?.flags.includes('UP') !== true) {
    lines.push(`link set ${machine.bridge} up`);
  }
  // The machine itself takes no part in the physical network: no addresses there, not even link-local ones.
  if (!there.has(physical.bridge)) {
    lines.push(`link add ${physical.bridge} type bridge ${bridgeOptions}`);
  }
  if (there.get(physical.bridge)?.ifalias !== alias) {
    lines.push(`link set ${physical.bridge} alias ${alias} addrgenmode none`);
  }
  if (there.get(physical.bridge)?.flags.includes('UP') !== true) {
    lines.push(`link set ${physical.bridge} up`);
  }
  return lines;
}

/** Address lines for what a link does not have yet. */
function missingAddresses(
  name: string,
  link: IpLink | undefined,
  addresses: readonly string[],
): readonly string[] {
  const has = new Set(link?.addr_info?.map(({ local }) => local));
  return (
    addresses
      .filter((address) => !has.has(address.split('/')[0] ?? ''))
      // Nobody else is on the wire: nothing waits for duplicate address detection.
      .map((address) => `addr add ${address} dev ${name}${address.includes(':') ? ' nodad' : ''}`)
  );
}

function v6(address: string | undefined): readonly string[] {
  return address === undefined ? [] : [`${address}/${machinePrefix[6]}`];
}

/** Lines for one node's namespace and cables. A cable whose node end went with its namespace is made anew. */
function composeCables(
  { alias, mtu }: LabPlan,
  node: NodePlan,
  there: ReadonlyMap<string, IpLink>,
  hasNetns: boolean,
): string[] {
  const lines = hasNetns ? [] : [`netns add ${node.netns}`];
  for (const { machineEnd, nic, mac, bridge } of node.cables) {
    const end = there.get(machineEnd);
    if (end !== undefined && !hasNetns) {
      lines.push(`link delete ${machineEnd}`);
    }
    if (end === undefined || !hasNetns) {
      lines.push(
        `link add ${machineEnd} mtu ${mtu} type veth peer name ${nic} address ${mac} mtu ${mtu} netns ${node.netns}`,
      );
    } else if (end.mtu !== mtu) {
      lines.push(`link set ${machineEnd} mtu ${mtu}`);
    }
    if (end?.ifalias !== alias || !hasNetns) {
      lines.push(`link set ${machineEnd} alias ${alias} addrgenmode none`);
    }
    if (end?.master !== bridge || !end.flags.includes('UP') || !hasNetns) {
      lines.push(`link set ${machineEnd} master ${bridge} up`);
    }
  }
  return lines;
}

/** Inside a node: loopback and NICs up, kernel parameters. Addresses wait for `br-ex`. */
async function applyInside(node: NodePlan, mtu: number, isFresh: boolean): Promise<void> {
  const nics = ['lo', ...node.cables.map(({ nic }) => nic)];
  const links = isFresh ? [] : await observeLinks(node.netns);
  const down = nics.filter(
    (nic) => links.find(({ ifname }) => ifname === nic)?.flags.includes('UP') !== true,
  );
  const narrow = node.cables.filter(({ nic }) =>
    links.some((link) => link.ifname === nic && link.mtu !== mtu),
  );
  await Promise.all([
    ipBatch(
      [...down.map((nic) => `link set ${nic} up`), ...narrow.map(({ nic }) => `link set ${nic} mtu ${mtu}`)],
      node.netns,
    ),
    run(['sysctl', '-q', '-w', ...Object.entries(node.sysctls).map(([key, value]) => `${key}=${value}`)], {
      netns: node.netns,
    }),
  ]);
}

/**
 * The netdev datapath does not complete partial checksums nor split large segments: TCP stalls until every device whose
 * frames it reads computes them itself. Every run says so: one that made the devices may have been killed before.
 */
function offloadsOff({ machine, nodes }: LabPlan): Promise<unknown>[] {
  const off = (device: string, netns?: string) =>
    run(['ethtool', '-K', device, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'], {
      ...(netns === undefined ? {} : { netns }),
    });
  return [
    off(machine.bridge),
    ...nodes.flatMap(({ netns, cables }) =>
      cables.flatMap(({ machineEnd, nic }) => [off(machineEnd), off(nic, netns)]),
    ),
  ];
}

/** Gives a node its addresses: on `br-ex`, once Open vSwitch made it. */
export async function applyNodeAddress(plan: LabPlan, node: NodePlan): Promise<void> {
  const links = await observeLinks(node.netns);
  const bridge = links.find(({ ifname }) => ifname === 'br-ex');
  if (bridge === undefined) {
    throw new PatchbayError('NoUplinkBridge', `Open vSwitch of node ${node.name} has not made br-ex`);
  }
  const gateway = links.find(({ ifname }) => ifname === gatewayBridge.name);
  const isUp = (link: IpLink | undefined): boolean => link?.flags.includes('UP') === true;
  const { machine, ipFamilies } = plan;
  const own = node.addresses.find((address) => address.includes(':'));
  const handover = ([4, 6] as const).filter((family) => family === 4 || ipFamilies.includes(family));
  const lines = [
    ...missingAddresses('br-ex', bridge, [`${node.address}/${machine.prefixLength}`, ...v6(own)]),
    ...(isUp(bridge) ? [] : ['link set br-ex up']),
    `route replace default via ${machine.address} dev br-ex`,
    ...(machine.address6 === undefined ? [] : [`route replace ::/0 via ${machine.address6} dev br-ex`]),
    ...(isUp(gateway) ? [] : [`link set ${gatewayBridge.name} addrgenmode none up`]),
    ...missingAddresses(
      gatewayBridge.name,
      gateway,
      handover.flatMap((family) => gatewayBridge.addresses[family]),
    ),
  ];
  await Promise.all([
    ipBatch(lines, node.netns),
    run(['nft', '-f', '-'], {
      netns: node.netns,
      input: handover.map((family) => edge(family, nodeAddresses(plan, family))).join(''),
    }),
  ]);
}

function nodeAddresses({ nodes }: LabPlan, family: IpFamily): readonly string[] {
  return nodes.flatMap(({ addresses }) =>
    addresses.filter((address) => (family === 6) === address.includes(':')),
  );
}

/**
 * What gateways hand over leaves with the node's own address, whatever it was before. Pods of the default network may speak
 * with nodes, as everywhere; from primary user-defined networks nodes are not reached, only what is beyond them. What OVN's
 * conntrack could not follow comes with a pod's own address (fragments, `switch-greeting.ts`) and goes nowhere; that is seen
 * before the kernel puts fragments together, so that nobody fills its memory with them.
 */
function edge(family: IpFamily, nodes: readonly string[]): string {
  const word = family === 4 ? 'ip' : 'ip6';
  const hidden = [gatewayBridge.ranges[family], ...(family === 6 ? ['fe80::/10'] : [])].join(', ');
  return `table ${word} patchbay-edge {}
delete table ${word} patchbay-edge
table ${word} patchbay-edge {
  chain postrouting {
    type nat hook postrouting priority srcnat;
    ${word} saddr ${gatewayBridge.ranges[family]} oifname != "${gatewayBridge.name}" counter masquerade
  }
  chain hidden {
    type filter hook prerouting priority -450;
    iifname "${gatewayBridge.name}" ${word} saddr != { ${hidden} } counter drop
  }
  chain tenants {
    type filter hook prerouting priority -150;
    iifname != "${gatewayBridge.name}" accept
    ${word} saddr ${gatewayBridge.cluster[family]} accept
    ct state new ${word} daddr { ${[...nodes, gatewayBridge.ranges[family]].join(', ')} } counter drop
  }
}
`;
}
