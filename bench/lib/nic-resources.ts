/** What the agent composes for one virtual machine, and cuts of it. */
import { composeSandbox, type SandboxInput } from '#agent/compose-sandbox.ts';
import { sandboxInput } from '#agent/sandbox-input.fixture.ts';
import type { Resource, ResourceKind } from '#node-state/resource.ts';

/** One card each: behind masquerade on the pod network, or on the node's bridge br1. */
export const shapes = ['masquerade', 'bridge'] as const;
export type Shape = (typeof shapes)[number];

/** How much is made; each contains the one before it. */
export const depths = ['links', 'rules', 'switch', 'dhcp'] as const;
export type Depth = (typeof depths)[number];

/** What each depth adds, for readers. */
export const contents: Readonly<Record<Depth, string>> = {
  links: 'sandbox namespace, veth pairs, bridge, tap, addresses, routes',
  rules: '+ offloads off, kernel parameters, nftables',
  switch: '+ Open vSwitch ports',
  dhcp: '+ DHCP server (masquerade only)',
};

const kindsOf: Readonly<Record<Depth, readonly ResourceKind[]>> = {
  links: ['netns', 'link', 'address', 'neighbour', 'route'],
  rules: ['sysctl', 'nft-table'],
  switch: ['ovs-port'],
  dhcp: ['dhcp-server'],
};

/** The resources of a shape down to a depth. */
export function resourcesOf(
  netns: string,
  shape: Shape,
  depth: Depth,
  bridgeNetfilter: boolean,
): readonly Resource[] {
  const wanted = depths.slice(0, depths.indexOf(depth) + 1).flatMap((each) => kindsOf[each]);
  const resources = composeSandbox(inputOf(netns, shape, bridgeNetfilter)).resources.filter(({ kind }) =>
    wanted.includes(kind),
  );
  return depth === 'links' ? resources.map(withoutOffload) : resources;
}

function inputOf(netns: string, shape: Shape, bridgeNetfilter: boolean): SandboxInput {
  const base = sandboxInput(netns);
  const { guest } = base;
  if (guest === undefined) {
    throw new Error('the fixture is expected to have a guest');
  }
  const at = shapes.indexOf(shape);
  const { spec } = guest.vmi;
  const interfaces = spec.domain.devices.interfaces?.slice(at, at + 1) ?? [];
  const domain = { ...spec.domain, devices: { ...spec.domain.devices, interfaces } };
  const vmi = { ...guest.vmi, spec: { ...spec, domain, networks: spec.networks?.slice(at, at + 1) ?? [] } };
  // As documented, the network of the bridge has no address management, so no DHCP server.
  const networks = base.networks.map(({ selection, config: { ipam: _ipam, ...config } }) => ({
    selection,
    config,
  }));
  return {
    ...base,
    node: { ...base.node, bridgeNetfilter },
    networks: shape === 'bridge' ? networks : [],
    guest: { ...guest, vmi },
  };
}

/** Offloads are no business of `ip`. */
function withoutOffload(resource: Resource): Resource {
  if (resource.kind !== 'link') {
    return resource;
  }
  const { offload: _offload, ...rest } = resource;
  return rest;
}
