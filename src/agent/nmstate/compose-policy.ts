/** A policy's desired state -> the node's resources. Pure. */
import type { Link } from '#node-state/link.ts';
import { NODE, type Resource, resourceId } from '#node-state/resource.ts';
import { composeBridge } from './compose-bridge.ts';
import { composeMappings } from './compose-mappings.ts';
import { failed, requireInterface, withAddresses } from './interface-parts.ts';
import { listOf, numberOf, type Part, partOf, textOf } from './part.ts';
import { type InterfaceInput, joined, type NodeView, nothing, type PolicyState } from './policy-input.ts';

/** Types of interfaces that a policy may make here. */
const makeable = ['linux-bridge', 'ovs-bridge', 'vlan', 'bond', 'dummy'] as const;

/** Composes a policy; throws a PatchbayError `FailedToConfigure` that names what is wrong where. */
export function composePolicy(desiredState: Part, node: NodeView): PolicyState {
  const interfaces = listOf(desiredState, 'interfaces') ?? [];
  const made = new Set(
    interfaces.flatMap((wanted) => {
      const isMade = makeable.some((type) => type === wanted['type']) && wanted['state'] !== 'absent';
      const name = textOf(wanted, 'name');
      return isMade && name !== undefined ? [name] : [];
    }),
  );
  const parts = interfaces.map((wanted, index) => {
    const name = textOf(wanted, 'name');
    if (name === undefined) {
      throw failed(`interfaces[${index}].name`, 'is required');
    }
    return composeInterface({ wanted, name, node, made });
  });
  const state = joined([...parts, composeRoutes(desiredState), composeMappings(desiredState, node)]);
  return { ...state, desired: lastOfEach(state.desired) };
}

function composeInterface(input: InterfaceInput): PolicyState {
  const { wanted, name, node } = input;
  const type = textOf(wanted, 'type') ?? typeOfExisting(input);
  if (wanted['state'] === 'ignore') {
    return nothing;
  }
  const isAbsent = wanted['state'] === 'absent';
  switch (type) {
    case 'linux-bridge':
    case 'ovs-bridge':
      return composeBridge(input, type);
    case 'ethernet':
    case 'veth':
    case 'ovs-interface':
      requireInterface(input, name, `interface ${name}`);
      return isAbsent
        ? { ...nothing, desired: [{ ...plainLink(input), up: false }] }
        : withAddresses(input, plainLink(input));
    case 'vlan':
      return isAbsent ? absent(input) : withAddresses(input, vlanLink(input));
    case 'bond':
      return isAbsent ? absent(input) : composeBond(input);
    case 'dummy':
      return isAbsent
        ? absent(input)
        : withAddresses(input, { ...plainLink(input), device: { type: 'dummy' } });
    default:
      throw failed(
        `interface ${name}`,
        `type "${type}" is not supported on this node; there are ethernet, ${makeable.join(', ')}`,
      );
  }

  function typeOfExisting({ wanted: part }: InterfaceInput): string {
    return partOf(part, 'bridge')['port'] !== undefined &&
      node.observed.some((one) => one.kind === 'link' && one.name === name)
      ? 'linux-bridge'
      : 'ethernet';
  }
}

/** Takes an interface of ours away; gone already is well. */
function absent(input: InterfaceInput): PolicyState {
  const removed = input.node.observed.filter(
    (resource) => resource.kind === 'link' && resource.name === input.name && resource.device.type !== 'nic',
  );
  return { ...nothing, removed };
}

function plainLink(input: InterfaceInput): Link {
  const { wanted, name } = input;
  const mtu = numberOf(wanted, 'mtu');
  const mac = textOf(wanted, 'mac-address');
  const known = input.node.observed.find((one) => one.kind === 'link' && one.name === name);
  const description = textOf(wanted, 'description');
  return {
    kind: 'link',
    netns: NODE,
    name,
    device: { type: 'nic' },
    up: wanted['state'] !== 'down',
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac: mac.toLowerCase() }),
    // A NIC named for its MTU or address stays where it is.
    ...(known?.kind === 'link' && known.port !== undefined && { port: known.port }),
    ...(description !== undefined && { description }),
  };
}

function vlanLink(input: InterfaceInput): Link {
  const vlan = partOf(input.wanted, 'vlan');
  const parent = textOf(vlan, 'base-iface') ?? '';
  const id = numberOf(vlan, 'id');
  if (!input.node.vlanDevices) {
    throw failed(
      `interface ${input.name}`,
      'this kernel has no VLAN devices (CONFIG_VLAN_8021Q); use a linux-bridge whose ports carry the VLANs, and "vlan" in the NetworkAttachmentDefinition',
    );
  }
  requireInterface(input, parent, `interface ${input.name}: base-iface`);
  if (id === undefined || id < 1 || id > 4094) {
    throw failed(
      `interface ${input.name}: vlan.id`,
      `${JSON.stringify(vlan['id'])} is no VLAN; allowed are 1 to 4094`,
    );
  }
  return { ...plainLink(input), device: { type: 'vlan', parent, id } };
}

/** A bond's ports are taken down to be enslaved, which the kernel demands. */
function composeBond(input: InterfaceInput): PolicyState {
  const { name, node, wanted } = input;
  const aggregation = partOf(wanted, 'link-aggregation');
  if (!node.bonding) {
    throw failed(
      `interface ${name}`,
      'this kernel has no bonding (CONFIG_BONDING); use one NIC as the port of the bridge',
    );
  }
  const ports = (aggregation['port'] ?? aggregation['slaves'] ?? []) as readonly unknown[];
  const options = Object.entries(partOf(aggregation, 'options')).map(([key, value]) => [key, String(value)]);
  const bond: Link = {
    ...plainLink(input),
    device: {
      type: 'bond',
      mode: textOf(aggregation, 'mode') ?? 'balance-rr',
      options: Object.fromEntries(options),
    },
  };
  const members = ports.map(String).map((port): Link => {
    requireInterface(input, port, `interface ${name}: link-aggregation.port`);
    return {
      kind: 'link',
      netns: NODE,
      name: port,
      device: { type: 'nic' },
      up: true,
      port: { bridge: name },
    };
  });
  const state = withAddresses(input, bond);
  return { ...state, desired: [...state.desired, ...members] };
}

function composeRoutes(desiredState: Part): PolicyState {
  const config = listOf(partOf(desiredState, 'routes'), 'config') ?? [];
  const routes = config.flatMap((entry) => {
    const destination = textOf(entry, 'destination');
    const link = textOf(entry, 'next-hop-interface');
    if (destination === undefined || link === undefined || entry['state'] === 'ignore') {
      return [];
    }
    const via = textOf(entry, 'next-hop-address');
    const metric = numberOf(entry, 'metric');
    const route: Resource = {
      kind: 'route',
      netns: NODE,
      destination: destination === '0.0.0.0/0' ? 'default' : destination,
      link,
      ...(via !== undefined && { via }),
      ...(metric !== undefined && { metric }),
    };
    return [{ route, isAbsent: entry['state'] === 'absent' }];
  });
  return {
    desired: routes.flatMap(({ route, isAbsent }) => (isAbsent ? [] : [route])),
    removed: routes.flatMap(({ route, isAbsent }) => (isAbsent ? [route] : [])),
    notes: [],
  };
}

/** The later of two descriptions of one thing wins, as in nmstate a port's own entry does. */
function lastOfEach(resources: readonly Resource[]): readonly Resource[] {
  const last = new Map<string, Resource>();
  for (const resource of resources) {
    const id = resourceId(resource);
    const before = last.get(id);
    last.set(id, before === undefined ? resource : { ...before, ...resource });
  }
  return [...last.values()];
}
