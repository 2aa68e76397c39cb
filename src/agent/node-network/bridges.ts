import { entriesOf, type Part, partOf } from '#api/nmstate.io/admission/desired-state.ts';
import type { BridgeVlan, LinkType } from '#node-state/link.ts';
import type { OvsPort } from '#node-state/ovs.ts';
import { NODE } from '#node-state/resource.ts';
import { linkSettings } from './links.ts';
import { invalidState, type Placed } from './placed.ts';

type MustExist = (port: string, field: string) => void;

interface PortEntry {
  readonly name: string;
  readonly field: string;
  readonly vlan: Part;
}

/** A `linux-bridge`: the kernel's where it can filter VLANs, else the Open vSwitch bridge that stands for it (ADR 3). */
export function layBridge(placed: Placed, mustExist: MustExist): void {
  const ports = portEntries(placed, mustExist);
  if (placed.view.facts.bridgeVlanFiltering) {
    layKernelBridge(placed, ports);
  } else {
    layOvs(placed, ports, true);
  }
}

/** An `ovs-bridge`. */
export function layOvsBridge(placed: Placed, mustExist: MustExist): void {
  layOvs(placed, portEntries(placed, mustExist), false);
}

/** Ports listed in the policy; undefined when it lists none and those there stay. */
function portEntries({ part, field, name }: Placed, mustExist: MustExist): readonly PortEntry[] | undefined {
  const bridge = partOf(part, 'bridge');
  if (bridge['port'] === undefined) {
    return undefined;
  }
  return entriesOf(bridge, 'port', `${field}.bridge`).map(({ part: port, field: at }) => {
    const portName = String(port['name'] ?? '');
    if (portName === name) {
      // An ovs-bridge lists its own internal interface among its ports.
      return { name: portName, field: at, vlan: partOf(port, 'vlan') };
    }
    mustExist(portName, `${at}.name`);
    return { name: portName, field: at, vlan: partOf(port, 'vlan') };
  });
}

function layKernelBridge(
  { part, field, name, draft }: Placed,
  ports: readonly PortEntry[] | undefined,
): void {
  const options = partOf(partOf(part, 'bridge'), 'options');
  draft.put({
    ...(draft.link(name) ?? { kind: 'link', netns: NODE, name }),
    device: bridgeDevice(options),
    ...linkSettings(part),
  });
  releasePorts(draft, name, ports);
  for (const port of ports ?? []) {
    const link = draft.link(port.name);
    if (link === undefined) {
      throw invalidState(
        `${port.field}.name`,
        `"${port.name}" must be described before the bridge that holds it`,
      );
    }
    draft.put({ ...link, up: true, port: { bridge: name, vlans: kernelVlans(port) } });
  }
  if (name.length > 15) {
    throw invalidState(`${field}.name`, `"${name}" is longer than 15 bytes`);
  }
}

function bridgeDevice(options: Part): LinkType {
  const stp = partOf(options, 'stp');
  const number = (key: string, of: Part = options): number | undefined =>
    typeof of[key] === 'number' ? of[key] : undefined;
  const multicast = options['multicast-snooping'];
  const settings = {
    forwardDelay: number('forward-delay', stp),
    helloTime: number('hello-time', stp),
    maxAge: number('max-age', stp),
    priority: number('priority', stp),
    ageingTime: number('mac-ageing-time'),
    groupForwardMask: number('group-forward-mask'),
    multicastSnooping: typeof multicast === 'boolean' ? multicast : undefined,
  };
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
  return { type: 'bridge', stp: stp['enabled'] === true, vlanFiltering: true, ...given };
}

/** Without `vlan`, nmstate's default: every VLAN tagged, VLAN 1 untagged. */
function kernelVlans({ vlan }: PortEntry): readonly BridgeVlan[] {
  const { tag, isAccess, trunks } = readVlan(vlan);
  if (isAccess && tag !== undefined) {
    return [{ id: tag, pvid: true, untagged: true }];
  }
  const native = tag ?? (Object.keys(vlan).length === 0 ? 1 : undefined);
  const tagged = trunks.length > 0 ? trunks : [{ min: 2, max: 4094 }];
  return [
    ...(native === undefined ? [] : [{ id: native, pvid: true, untagged: true }]),
    ...tagged.map(({ min, max }) => ({ id: min, ...(max > min && { endId: max }) })),
  ];
}

function layOvs(placed: Placed, ports: readonly PortEntry[] | undefined, replacesLinux: boolean): void {
  const { part, name, draft, view } = placed;
  const options = partOf(partOf(part, 'bridge'), 'options');
  const stp = options['stp'];
  const isStp =
    stp === true || (typeof stp === 'object' && stp !== null && (stp as Part)['enabled'] === true);
  const { mtu, description } = linkSettings(part);
  const failMode = options['fail-mode'] === 'secure' ? 'secure' : 'standalone';
  draft.put({
    kind: 'ovs-bridge',
    name,
    failMode,
    ...(isStp && { stp: true }),
    ...(options['rstp'] === true && { rstp: true }),
    ...(options['mcast-snooping-enable'] === true && { mcastSnooping: true }),
    ...(mtu !== undefined && { mtu }),
    ...(replacesLinux && { replaces: 'linux-bridge' }),
    ...(description !== undefined && { description }),
  });
  releasePorts(draft, name, ports);
  for (const port of ports ?? []) {
    if (port.name === name) {
      continue; // every bridge has its internal port
    }
    const link = draft.link(port.name) ?? {
      kind: 'link',
      netns: NODE,
      name: port.name,
      device: { type: 'nic' },
      up: true,
    };
    draft.detach(port.name);
    const { port: _old, ...free } = link;
    draft.put({ ...free, up: true, ...(view.facts.ovsUserspace && { offload: false }) });
    draft.put(ovsPort(name, port));
  }
}

function ovsPort(bridge: string, port: PortEntry): OvsPort {
  const { tag, isAccess, trunks } = readVlan(port.vlan);
  const list = trunks.flatMap(({ min, max }) =>
    Array.from({ length: max - min + 1 }, (_, index) => min + index),
  );
  return {
    kind: 'ovs-port',
    name: port.name,
    bridge,
    interfaceType: 'system',
    externalIds: {},
    ...(tag !== undefined && { tag, vlanMode: isAccess ? 'access' : 'native-untagged' }),
    ...(list.length > 0 && { trunks: tag === undefined || isAccess ? list : [...new Set([tag, ...list])] }),
    ...(tag === undefined && list.length > 0 && { vlanMode: 'trunk' }),
  };
}

interface PortVlan {
  readonly tag: number | undefined;
  readonly isAccess: boolean;
  readonly trunks: readonly { readonly min: number; readonly max: number }[];
}

/** `vlan {mode, tag, enable-native, trunk-tags[] {id | id-range {min, max}}}` of a port. */
function readVlan(vlan: Part): PortVlan {
  const isAccess = vlan['mode'] === 'access';
  const hasTag = isAccess || vlan['enable-native'] === true;
  const tags = Array.isArray(vlan['trunk-tags']) ? (vlan['trunk-tags'] as readonly Part[]) : [];
  return {
    tag: hasTag && typeof vlan['tag'] === 'number' && vlan['tag'] > 0 ? vlan['tag'] : undefined,
    isAccess,
    trunks: tags.map((tag) => {
      const range = partOf(tag, 'id-range');
      const id = Number(tag['id']);
      return typeof tag['id'] === 'number'
        ? { min: id, max: id }
        : { min: Number(range['min']), max: Number(range['max']) };
    }),
  };
}

function releasePorts(draft: Placed['draft'], bridge: string, ports: readonly PortEntry[] | undefined): void {
  if (ports === undefined) {
    return;
  }
  for (const name of draft.portsOf(bridge)) {
    if (!ports.some((port) => port.name === name)) {
      draft.detach(name);
    }
  }
}
