/** `masquerade: {}`: the guest has an address of its own behind the pod's, by NAT in the launcher pod. */

import type { VmiInterface, VmiNetwork } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Cause } from '#api/meta.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { Sysctl } from '#node-state/link.ts';
import { normalMac } from '#node-state/mac.ts';
import type { Resource } from '#node-state/resource.ts';
import type { Binding, BindingInput, BindingOutput } from './binding.ts';
import { type VmRange, vmRange } from './cidr.ts';
import { composeMasqueradeTable, type OpenPort } from './masquerade-rules.ts';
import { type LinkNames, linkNames } from './names.ts';
import { composeNic, composeTap, dhcpOptionsOf, isGlobal, isIpv6 } from './nic.ts';

/** MAC of the in-pod bridge; no guest may have it. */
const bridgeMac = '02:00:00:00:00:00';

export const masquerade: Binding = { name: 'masquerade', validate, compose };

function validate(card: VmiInterface, network: VmiNetwork | undefined, field: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (network !== undefined && network.pod === undefined) {
    causes.push({
      type: 'FieldValueInvalid',
      field: `${field}.masquerade`,
      message: `interface "${card.name}": masquerade works on the pod network only; give network "${network.name}" the source "pod: {}", or the interface "bridge: {}"`,
    });
  }
  if (card.macAddress !== undefined && normalMac(card.macAddress) === bridgeMac) {
    causes.push({
      type: 'FieldValueInvalid',
      field: `${field}.macAddress`,
      value: card.macAddress,
      message: `${card.macAddress} is the address of the bridge in the pod and is reserved with masquerade; choose another or leave it out`,
    });
  }
  return causes;
}

function compose(input: BindingInput): BindingOutput {
  const names = linkNames(input.pod.name, input.index);
  const global = input.pod.addresses.filter(isGlobal);
  const field = `spec.networks["${input.network.name}"].pod`;
  const pod = input.network.pod;
  const v4 = global.some((address) => !isIpv6(address))
    ? vmRange(pod?.vmNetworkCIDR ?? '10.0.2.0/24', `${field}.vmNetworkCIDR`)
    : undefined;
  const v6 = global.some(isIpv6)
    ? vmRange(pod?.vmIPv6NetworkCIDR ?? 'fd10:0:2::/120', `${field}.vmIPv6NetworkCIDR`)
    : undefined;
  const resources: Resource[] = [
    input.podLink,
    ...input.podResources,
    {
      kind: 'link',
      netns: input.pod.netns,
      name: names.bridge,
      device: { type: 'bridge', stp: false, vlanFiltering: false },
      up: true,
      mtu: input.pod.mtu,
      mac: bridgeMac,
    },
    composeTap(input),
    ...(v4 === undefined ? [] : familyOf(input, names, 'ip', v4)),
    ...(v6 === undefined ? [] : familyOf(input, names, 'ip6', v6)),
    dhcpServer(input, names, v4, v6),
  ];
  return { resources, nic: composeNic(input) };
}

function familyOf(
  input: BindingInput,
  names: LinkNames,
  family: 'ip' | 'ip6',
  range: VmRange,
): readonly Resource[] {
  const { netns, name: podInterface } = input.pod;
  const sysctl = (key: string): Sysctl => ({ kind: 'sysctl', netns, key, value: '1' });
  const address = `${range.gateway}/${range.prefixLength}`;
  const sysctls =
    family === 'ip'
      ? [sysctl('net.ipv4.ip_forward'), sysctl(`net.ipv4.conf.${names.bridge}.route_localnet`)]
      : [sysctl('net.ipv6.conf.all.forwarding')];
  return [
    { kind: 'address', netns, link: names.bridge, address, ...(family === 'ip6' && { noDad: true }) },
    ...sysctls,
    composeMasqueradeTable({
      netns,
      family,
      podInterface,
      bridge: names.bridge,
      guest: range.guest,
      gateway: range.gateway,
      ports: openPorts(input.interface),
    }),
  ];
}

/** Undefined when the interface lists none: then all are open. */
export function openPorts(card: VmiInterface): readonly OpenPort[] | undefined {
  const protocolOf = (protocol: string | undefined): 'tcp' | 'udp' =>
    protocol?.toLowerCase() === 'udp' ? 'udp' : 'tcp';
  const ports = (card.ports ?? []).map(({ protocol, port }) => ({
    protocol: protocolOf(protocol),
    from: port,
    to: port,
  }));
  const ranges = (card.portRanges ?? []).map(({ protocol, start, end }) => ({
    protocol: protocolOf(protocol),
    from: start,
    to: end,
  }));
  const open = [...ports, ...ranges];
  return open.length === 0 ? undefined : open;
}

function dhcpServer(
  input: BindingInput,
  names: LinkNames,
  v4: VmRange | undefined,
  v6: VmRange | undefined,
): DhcpServer {
  const options = dhcpOptionsOf(input);
  return {
    kind: 'dhcp-server',
    netns: input.pod.netns,
    link: names.bridge,
    ...(v4 !== undefined && { v4: { address: v4.guest, prefixLength: v4.prefixLength, router: v4.gateway } }),
    // Unlike upstream, whose guests need a static route: the advertisement tells them their router, the MTU, and that
    // their address comes by DHCPv6.
    ...(v6 !== undefined && {
      v6: { address: v6.guest, prefixLength: v6.prefixLength, router: v6.gateway, advertise: true },
    }),
    mtu: input.pod.mtu,
    dns: input.dns.servers,
    searchDomains: input.dns.searches,
    hostname: input.hostname,
    ...(options.length > 0 && { options }),
  };
}
