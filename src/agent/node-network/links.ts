import { type Part, partOf } from '#api/nmstate.io/admission/desired-state.ts';
import type { Link, LinkType } from '#node-state/link.ts';
import { NODE } from '#node-state/resource.ts';
import { invalidState, type Placed } from './placed.ts';

/** Lays a plain link: a NIC, or what `type` says when `device` is not given. */
export function layLink(placed: Placed, device: LinkType | undefined): void {
  const { part, name, draft } = placed;
  const before = draft.link(name);
  draft.put({
    ...(before ?? { kind: 'link', netns: NODE, name }),
    device: device ?? deviceOf(placed),
    ...linkSettings(part),
  });
}

/** `up`, `mtu`, `mac` and `description` of an interface. */
export function linkSettings(part: Part): Pick<Link, 'up' | 'mtu' | 'mac' | 'description'> {
  const { mtu, description } = part;
  const mac = part['mac-address'];
  return {
    up: part['state'] !== 'down',
    ...(typeof mtu === 'number' && { mtu }),
    ...(typeof mac === 'string' && { mac: mac.toLowerCase() }),
    ...(typeof description === 'string' && { description }),
  };
}

function deviceOf(placed: Placed): LinkType {
  const { part, field } = placed;
  switch (part['type']) {
    case 'vlan':
      return vlanDevice(placed);
    case 'bond':
      return bondDevice(placed);
    case 'dummy':
      return { type: 'dummy' };
    case 'mac-vlan':
      return macvlanDevice(placed);
    default:
      throw invalidState(
        `${field}.type`,
        `"${String(part['type'])}" is not served by this version; allowed: ethernet, linux-bridge, ovs-bridge, vlan, bond, mac-vlan, dummy`,
      );
  }
}

function vlanDevice({ part, field, view }: Placed): LinkType {
  if (!view.facts.vlanDevices) {
    throw invalidState(
      `${field}.type`,
      `the kernel of node ${view.nodeName} has no 802.1q devices; put the VLAN into the NetworkAttachmentDefinition ("vlan") on a bridge over ${String(partOf(part, 'vlan')['base-iface'])} instead, or use a kernel with CONFIG_VLAN_8021Q`,
    );
  }
  const vlan = partOf(part, 'vlan');
  const protocol = vlan['protocol'];
  return {
    type: 'vlan',
    parent: String(vlan['base-iface']),
    id: Number(vlan['id']),
    ...((protocol === '802.1q' || protocol === '802.1ad') && { protocol }),
  };
}

function bondDevice({ part, field, view }: Placed): LinkType {
  if (!view.facts.bonding) {
    throw invalidState(
      `${field}.type`,
      `the kernel of node ${view.nodeName} has no bonding; use a kernel with CONFIG_BONDING, or a bridge with one of the NICs`,
    );
  }
  const aggregation = partOf(part, 'link-aggregation');
  const options = Object.entries(partOf(aggregation, 'options')).map(([key, value]) => [key, String(value)]);
  return { type: 'bond', mode: String(aggregation['mode']), options: Object.fromEntries(options) };
}

const macvlanModes = ['bridge', 'private', 'vepa', 'passthru'] as const;

function macvlanDevice({ part, field }: Placed): LinkType {
  const settings = partOf(part, 'mac-vlan');
  const mode = macvlanModes.find((one) => one === (settings['mode'] ?? 'bridge'));
  if (mode === undefined) {
    throw invalidState(
      `${field}.mac-vlan.mode`,
      `"${String(settings['mode'])}" is not one of ${macvlanModes.join(', ')}`,
    );
  }
  return { type: 'macvlan', parent: String(settings['base-iface']), mode };
}
