/** Interfaces of type linux-bridge and ovs-bridge -> resources. Pure. */
import type { BridgeVlan, Link } from '#node-state/link.ts';
import type { OvsBridge, OvsPort } from '#node-state/ovs.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import { failed, requireInterface, withAddresses } from './interface-parts.ts';
import { listOf, numberOf, type Part, partOf, textOf } from './part.ts';
import { type InterfaceInput, nothing, type PolicyState } from './policy-input.ts';

type BridgeType = 'linux-bridge' | 'ovs-bridge';

/** Composes a bridge with its ports, or its removal. */
export function composeBridge(input: InterfaceInput, type: BridgeType): PolicyState {
  const isLinux = type === 'linux-bridge' && input.node.bridgeVlanFiltering;
  refuseTaken(input, isLinux);
  if (input.wanted['state'] === 'absent') {
    return { ...nothing, removed: bridgeAndPorts(input) };
  }
  const ports = listOf(partOf(input.wanted, 'bridge'), 'port');
  const names = (ports ?? []).map((port) => textOf(port, 'name') ?? '');
  for (const name of names) {
    requireInterface(input, name, `interface ${input.name}: bridge.port`);
  }
  const state = isLinux ? linuxBridge(input, ports ?? []) : ovsBridge(input, type, ports ?? []);
  if (ports === undefined) {
    return state;
  }
  const former = formerPorts(input, names);
  return {
    ...state,
    desired: [...state.desired, ...former.desired],
    removed: [...state.removed, ...former.removed],
  };
}

function linuxBridge(input: InterfaceInput, ports: readonly Part[]): PolicyState {
  const options = partOf(partOf(input.wanted, 'bridge'), 'options');
  const stp = partOf(options, 'stp');
  const number = (part: Part, key: string, name: string): Record<string, number> => {
    const value = numberOf(part, key);
    return value === undefined ? {} : { [name]: value };
  };
  const bridge: Link = {
    kind: 'link',
    netns: NODE,
    name: input.name,
    device: {
      type: 'bridge',
      stp: stp['enabled'] === true,
      vlanFiltering: true,
      ...number(stp, 'forward-delay', 'forwardDelay'),
      ...number(stp, 'hello-time', 'helloTime'),
      ...number(stp, 'max-age', 'maxAge'),
      ...number(stp, 'priority', 'priority'),
      ...number(options, 'mac-ageing-time', 'ageingTime'),
      ...number(options, 'group-forward-mask', 'groupForwardMask'),
      ...(typeof options['multicast-snooping'] === 'boolean' && {
        multicastSnooping: options['multicast-snooping'],
      }),
    },
    ...common(input),
  };
  const members = ports.map(
    (port): Link => ({
      kind: 'link',
      netns: NODE,
      name: textOf(port, 'name') ?? '',
      device: { type: 'nic' },
      up: true,
      port: {
        bridge: input.name,
        ...(port['stp-hairpin-mode'] === true && { hairpin: true }),
        vlans: linuxVlans(input, port),
      },
    }),
  );
  const state = withAddresses(input, bridge);
  return { ...state, desired: [...state.desired, ...members] };
}

/** nmstate's default: untagged frames are VLAN 1, and every other VLAN passes tagged. */
function linuxVlans(input: InterfaceInput, port: Part): readonly BridgeVlan[] {
  const vlan = portVlan(input, port);
  if (vlan.mode === 'access') {
    return [{ id: vlan.tag ?? 1, pvid: true, untagged: true }];
  }
  const native = vlan.tag ?? 1;
  const ranges = vlan.trunks ?? [{ min: 2, max: 4094 }];
  const tagged = ranges.map(({ min, max }): BridgeVlan => ({ id: min, ...(max > min && { endId: max }) }));
  return [{ id: native, pvid: true, untagged: true }, ...tagged];
}

function ovsBridge(input: InterfaceInput, type: BridgeType, ports: readonly Part[]): PolicyState {
  const options = partOf(partOf(input.wanted, 'bridge'), 'options');
  const { description, mtu } = common(input);
  const isSecure = textOf(options, 'fail-mode') === 'secure';
  const stp = type === 'linux-bridge' ? partOf(options, 'stp')['enabled'] : options['stp'];
  const bridge: OvsBridge = {
    kind: 'ovs-bridge',
    name: input.name,
    failMode: isSecure ? 'secure' : 'standalone',
    ...(stp === true && { stp: true }),
    ...(options['rstp'] === true && { rstp: true }),
    ...(options['mcast-snooping-enable'] === true && { mcastSnooping: true }),
    ...(mtu !== undefined && { mtu }),
    ...(type === 'linux-bridge' && { replaces: 'linux-bridge' }),
    ...(description !== undefined && { description }),
  };
  const local: Link = {
    kind: 'link',
    netns: NODE,
    name: input.name,
    device: { type: 'nic' },
    up: common(input).up,
  };
  const { desired, removed } = withAddresses(input, local);
  const why = `${input.name} is realised by an Open vSwitch bridge of the same name: this kernel has no bridge VLAN filtering`;
  return {
    // The bridge forwards without its own interface, which is only there for addresses.
    desired: [
      bridge,
      ...ports.flatMap((port) => ovsPort(input, port)),
      ...(desired.length > 1 ? desired : []),
    ],
    removed,
    notes: type === 'linux-bridge' ? [why] : [],
  };
}

function ovsPort(input: InterfaceInput, port: Part): readonly Resource[] {
  const name = textOf(port, 'name') ?? '';
  const vlan = portVlan(input, port);
  const trunks = vlan.trunks?.flatMap(({ min, max }) =>
    Array.from({ length: max - min + 1 }, (_, index) => min + index),
  );
  const native = vlan.tag === 1 ? undefined : vlan.tag;
  const tagging: Partial<OvsPort> =
    vlan.mode === 'access'
      ? native === undefined
        ? { trunks: [0], vlanMode: 'trunk' }
        : { tag: native, vlanMode: 'access' }
      : {
          ...(trunks !== undefined && { trunks: native === undefined ? [0, ...trunks] : trunks }),
          ...(native !== undefined && { tag: native }),
          ...(native !== undefined && { vlanMode: 'native-untagged' as const }),
        };
  const isInternal = !input.node.interfaces.some((one) => one.name === name) && !input.made.has(name);
  return [
    {
      kind: 'link',
      netns: NODE,
      name,
      device: { type: 'nic' },
      up: true,
      ...(input.node.ovsUserspace && { offload: false }),
    },
    {
      kind: 'ovs-port',
      name,
      bridge: input.name,
      interfaceType: isInternal ? 'internal' : 'system',
      ...tagging,
      externalIds: {},
    },
  ];
}

interface PortVlan {
  readonly mode: 'access' | 'trunk';
  /** Access VLAN, or the native one of a trunk. */
  readonly tag: number | undefined;
  /** Undefined: all. */
  readonly trunks: readonly { readonly min: number; readonly max: number }[] | undefined;
}

function portVlan(input: InterfaceInput, port: Part): PortVlan {
  const vlan = partOf(port, 'vlan');
  const tag = numberOf(vlan, 'tag');
  if (vlan['mode'] === 'access') {
    return { mode: 'access', tag, trunks: undefined };
  }
  const trunks = listOf(vlan, 'trunk-tags')?.map((entry) => {
    const id = numberOf(entry, 'id');
    const range = partOf(entry, 'id-range');
    const min = id ?? numberOf(range, 'min');
    const max = id ?? numberOf(range, 'max');
    if (min === undefined || max === undefined || min < 1 || max > 4094 || max < min) {
      throw failed(
        `interface ${input.name}: bridge.port "${textOf(port, 'name')}": vlan.trunk-tags`,
        `${JSON.stringify(entry)} is no VLAN or range; allowed are {id: N} and {id-range: {min: N, max: M}} with 1 to 4094`,
      );
    }
    return { min, max };
  });
  return { mode: 'trunk', tag: vlan['enable-native'] === true ? tag : undefined, trunks };
}

function common(input: InterfaceInput): { up: boolean; mtu?: number; mac?: string; description?: string } {
  const mtu = numberOf(input.wanted, 'mtu');
  const mac = textOf(input.wanted, 'mac-address');
  const description = textOf(input.wanted, 'description');
  return {
    up: input.wanted['state'] !== 'down',
    ...(mtu !== undefined && { mtu }),
    ...(mac !== undefined && { mac: mac.toLowerCase() }),
    ...(description !== undefined && { description }),
  };
}

/** A name that something else has already is never taken over. */
function refuseTaken(input: InterfaceInput, isLinux: boolean): void {
  const { name, node } = input;
  const existing = node.interfaces.find((one) => one.name === name);
  const ours = node.observed.some(
    (one) =>
      ((one.kind === 'link' && one.device.type === 'bridge') || one.kind === 'ovs-bridge') &&
      one.name === name,
  );
  if (node.foreignBridges.includes(name)) {
    throw failed(
      `interface ${name}`,
      `is an Open vSwitch bridge of the node's own set-up and is not configured by policies`,
    );
  }
  if (existing !== undefined && !ours) {
    throw failed(
      `interface ${name}`,
      `is there already as ${existing.kind} and was not made by a policy; choose another name${isLinux ? '' : ' for the bridge'}`,
    );
  }
}

function bridgeAndPorts(input: InterfaceInput): readonly Resource[] {
  return input.node.observed.filter(
    (one) =>
      (one.kind === 'ovs-bridge' && one.name === input.name) ||
      (one.kind === 'ovs-port' && one.bridge === input.name) ||
      (one.kind === 'link' && one.device.type === 'bridge' && one.name === input.name),
  );
}

/** Ports of the node (pods' ports are their sandboxes') that the policy no longer lists: rows go, NICs are let go. */
function formerPorts(
  input: InterfaceInput,
  names: readonly string[],
): Pick<PolicyState, 'desired' | 'removed'> {
  const { observed } = input.node;
  const links = observed.filter((one) => one.kind === 'link');
  return {
    desired: links
      .filter((one) => one.port?.bridge === input.name && !names.includes(one.name))
      .map(({ port: _port, ...link }) => link),
    removed: observed.filter(
      (one) => one.kind === 'ovs-port' && one.bridge === input.name && !names.includes(one.name),
    ),
  };
}
