/** `bridge: {}`: the guest stands on the pod's interface itself, with the pod's MAC and address. */
import type { VmiInterface, VmiNetwork } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Cause } from '#api/meta.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { Link } from '#node-state/link.ts';
import { macOf } from '#node-state/mac.ts';
import type { Resource } from '#node-state/resource.ts';
import type { Binding, BindingInput, BindingOutput } from './binding.ts';
import { type LinkNames, linkNames } from './names.ts';
import { composeNic, composeTap, dhcpOptionsOf, isGlobal, isIpv6 } from './nic.ts';

export const bridge: Binding = { name: 'bridge', validate, compose };

/** As HyperConverged configures it: `permitBridgeInterfaceOnPodNetwork` is false. */
function validate(card: VmiInterface, network: VmiNetwork | undefined, field: string): readonly Cause[] {
  if (network?.pod === undefined) {
    return [];
  }
  return [
    {
      type: 'FieldValueInvalid',
      field: `${field}.bridge`,
      message: `interface "${card.name}": bridge is not permitted on the pod network; use "masquerade: {}", or a secondary network`,
    },
  ];
}

function compose(input: BindingInput): BindingOutput {
  const { resources, nic } = composeBridged(input);
  const v4 = input.pod.addresses.find((address) => isGlobal(address) && !isIpv6(address));
  return v4 === undefined ? { resources, nic } : { resources: [...resources, ...withIpv4(input, v4)], nic };
}

/** Tap and pod interface on one bridge, with a placeholder that keeps the pod interface's name, MAC and addresses. */
export function composeBridged(input: BindingInput): BindingOutput {
  const { pod } = input;
  const names = linkNames(pod.name, input.index);
  // The guest has the pod interface's MAC: the interface and the bridge share another one.
  const mac = macOf(pod.netns, names.nic);
  const resources: Resource[] = [
    { ...input.podLink, name: names.nic, mac, up: true, port: { bridge: names.bridge, learning: false } },
    bridgeLink(input, names, mac),
    composeTap(input),
    placeholder(input),
    ...input.podResources.filter(({ kind }) => kind === 'address'),
  ];
  return { resources, nic: composeNic(input) };
}

function bridgeLink(input: BindingInput, names: LinkNames, mac: string): Link {
  return {
    kind: 'link',
    netns: input.pod.netns,
    name: names.bridge,
    device: { type: 'bridge', stp: false, vlanFiltering: false },
    up: true,
    mtu: input.pod.mtu,
    mac,
  };
}

/** Keeps the pod interface's name, MAC and addresses for whoever looks for them in the pod. */
function placeholder(input: BindingInput): Link {
  const { netns, name, mac, mtu } = input.pod;
  return { kind: 'link', netns, name, device: { type: 'dummy' }, up: false, arp: false, mtu, mac };
}

/**
 * Only a network with address management has a DHCP server here; on others the guest asks the network itself, and so it
 * does where the network answers, unless the interface has options that only a server of its own can give.
 */
function withIpv4(input: BindingInput, cidr: string): readonly Resource[] {
  const names = linkNames(input.pod.name, input.index);
  const { netns } = input.pod;
  return [
    { kind: 'address', netns, link: names.bridge, address: `169.254.75.1${input.index}/32` },
    // Or the bridge would answer ARP for the guest's address, which the placeholder holds.
    { kind: 'sysctl', netns, key: `net.ipv4.conf.${names.bridge}.arp_ignore`, value: '1' },
    ...(input.pod.servesDhcp === true && dhcpOptionsOf(input).length === 0
      ? []
      : [dhcpServer(input, names, cidr)]),
  ];
}

function dhcpServer(input: BindingInput, names: LinkNames, cidr: string): DhcpServer {
  const [address = '', length] = cidr.split('/');
  const options = dhcpOptionsOf(input);
  const routes = input.pod.routes.flatMap(({ destination, via }) =>
    via === undefined || isIpv6(destination) ? [] : [{ destination, via }],
  );
  const isDefault = (destination: string): boolean =>
    destination === 'default' || destination === '0.0.0.0/0';
  const router = routes.find(({ destination }) => isDefault(destination))?.via;
  const others = routes.filter(({ destination }) => !isDefault(destination));
  return {
    kind: 'dhcp-server',
    netns: input.pod.netns,
    link: names.bridge,
    clientMac: input.guestMac,
    v4: {
      address,
      prefixLength: Number(length),
      ...(router !== undefined && { router }),
      ...(others.length > 0 && { routes: others }),
    },
    mtu: input.pod.mtu,
    dns: input.dns.servers,
    searchDomains: input.dns.searches,
    hostname: input.hostname,
    ...(options.length > 0 && { options }),
  };
}
