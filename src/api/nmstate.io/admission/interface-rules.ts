/** Rules for one entry of `desiredState.interfaces`. Vocabulary: https://nmstate.io/devel/yaml_api.html */
import { isIP } from 'node:net';
import { invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { entriesOf, isPart, isTemplate, type Part, partOf } from './desired-state.ts';
import { flagCauses, interfaceNameCauses, numberCauses, shapeCauses, wordCauses } from './part-fields.ts';

const interfaceTypes = [
  'ethernet',
  'bond',
  'linux-bridge',
  'ovs-bridge',
  'ovs-interface',
  'vlan',
  'vxlan',
  'vrf',
  'veth',
  'dummy',
  'mac-vlan',
  'mac-vtap',
  'infiniband',
  'loopback',
  'ipvlan',
  'hsr',
  'macsec',
  'ipsec',
  'tun',
  'xfrm',
];

/** Bonding modes, by name; their index is their number. */
export const bondModes = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
];

const LAST_VLAN = 4094;

export function interfaceCauses(part: Part, field: string): readonly Cause[] {
  return [
    ...(part['name'] === undefined || part['name'] === ''
      ? [required(`${field}.name`, 'must be the name of the interface, such as br1')]
      : nameCauses(part, field)),
    ...wordCauses(part, 'type', field, interfaceTypes),
    ...wordCauses(part, 'state', field, ['up', 'down', 'absent', 'ignore']),
    ...numberCauses(part, 'mtu', field, 68, 65535),
    ...macCauses(part, field),
    ...(['ipv4', 'ipv6'] as const).flatMap((family) => ipCauses(part, family, field)),
    ...bridgeCauses(part, field),
    ...bondCauses(part, field),
    ...vlanCauses(part, field),
  ];
}

/** Open vSwitch bridges live in its database and may have longer names; only the kernel limits the others. */
function nameCauses(part: Part, field: string): readonly Cause[] {
  return part['type'] === 'ovs-bridge' && typeof part['name'] === 'string'
    ? []
    : interfaceNameCauses(part['name'], `${field}.name`);
}

function macCauses(part: Part, field: string): readonly Cause[] {
  const mac = part['mac-address'];
  if (mac === undefined || isTemplate(mac)) return [];
  return typeof mac === 'string' && /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i.test(mac)
    ? []
    : [
        invalid(
          `${field}.mac-address`,
          mac,
          'must be six pairs of hexadecimal digits, such as 02:00:00:00:00:01',
        ),
      ];
}

function ipCauses(part: Part, family: 'ipv4' | 'ipv6', field: string): readonly Cause[] {
  const at = `${field}.${family}`;
  const ip = partOf(part, family);
  const [version, bits] = family === 'ipv4' ? [4, 32] : [6, 128];
  return [
    ...shapeCauses(part, family, field, 'object'),
    ...['enabled', 'dhcp', 'autoconf', 'auto-dns', 'auto-gateway', 'auto-routes'].flatMap((key) =>
      flagCauses(ip, key, at),
    ),
    ...shapeCauses(ip, 'address', at, 'list'),
    ...entriesOf(ip, 'address', at).flatMap(({ part: address, field: place }) => [
      ...addressCauses(address, place, version),
      ...(address['prefix-length'] === undefined
        ? [required(`${place}.prefix-length`, `must be given, 1 to ${bits}`)]
        : numberCauses(address, 'prefix-length', place, 1, bits)),
    ]),
  ];
}

function addressCauses(address: Part, field: string, version: number): readonly Cause[] {
  const { ip } = address;
  if (isTemplate(ip) || (typeof ip === 'string' && isIP(ip) === version)) return [];
  const example = version === 4 ? '192.0.2.10' : '2001:db8::10';
  return [
    invalid(`${field}.ip`, ip ?? null, `must be an IPv${version} address without prefix, such as ${example}`),
  ];
}

function bridgeCauses(part: Part, field: string): readonly Cause[] {
  const bridge = partOf(part, 'bridge');
  const at = `${field}.bridge`;
  const linux = part['type'] !== 'ovs-bridge';
  return [
    ...shapeCauses(part, 'bridge', field, 'object'),
    ...shapeCauses(bridge, 'port', at, 'list'),
    ...flagCauses(partOf(partOf(bridge, 'options'), 'stp'), 'enabled', `${at}.options.stp`),
    ...portShapeCauses(bridge, at),
    ...entriesOf(bridge, 'port', at).flatMap(({ part: port, field: place }) => [
      ...(linux || port['link-aggregation'] === undefined
        ? interfaceNameCauses(port['name'], `${place}.name`)
        : []),
      ...portVlanCauses(port, place),
    ]),
  ];
}

/** `port: [eth1]` instead of `port: [{name: eth1}]`. */
function portShapeCauses(bridge: Part, field: string): readonly Cause[] {
  const ports = bridge['port'];
  if (!Array.isArray(ports)) return [];
  return ports.flatMap((port: unknown, index) =>
    isPart(port)
      ? []
      : [invalid(`${field}.port[${index}]`, port, `must be an object; write - name: ${String(port)}`)],
  );
}

function portVlanCauses(port: Part, field: string): readonly Cause[] {
  const vlan = partOf(port, 'vlan');
  const at = `${field}.vlan`;
  return [
    ...wordCauses(vlan, 'mode', at, ['access', 'trunk', 'native-tagged', 'native-untagged', 'dot1q-tunnel']),
    ...numberCauses(vlan, 'tag', at, 0, LAST_VLAN),
    ...entriesOf(vlan, 'trunk-tags', at).flatMap(({ part: tag, field: place }) => {
      const range = partOf(tag, 'id-range');
      return [
        ...numberCauses(tag, 'id', place, 0, LAST_VLAN),
        ...numberCauses(range, 'min', `${place}.id-range`, 0, LAST_VLAN),
        ...numberCauses(range, 'max', `${place}.id-range`, 0, LAST_VLAN),
      ];
    }),
  ];
}

function bondCauses(part: Part, field: string): readonly Cause[] {
  const bond = partOf(part, 'link-aggregation');
  const at = `${field}.link-aggregation`;
  const ports = bond['port'];
  const mode = bond['mode'];
  const byNumber = typeof mode === 'number' || /^[0-6]$/.test(String(mode));
  return [
    ...(part['type'] === 'bond' && part['link-aggregation'] !== undefined && mode === undefined
      ? [required(`${at}.mode`, `must be one of ${bondModes.join(', ')}`)]
      : []),
    ...(byNumber
      ? numberCauses({ mode: Number(mode) }, 'mode', at, 0, 6)
      : wordCauses(bond, 'mode', at, bondModes)),
    ...shapeCauses(bond, 'port', at, 'list'),
    ...(Array.isArray(ports)
      ? ports.flatMap((port: unknown, index) => interfaceNameCauses(port, `${at}.port[${index}]`))
      : []),
  ];
}

function vlanCauses(part: Part, field: string): readonly Cause[] {
  if (part['type'] !== 'vlan' || part['state'] === 'absent') return [];
  const at = `${field}.vlan`;
  if (part['vlan'] === undefined) return [];
  const vlan = partOf(part, 'vlan');
  return [
    ...shapeCauses(part, 'vlan', field, 'object'),
    ...(vlan['base-iface'] === undefined
      ? [required(`${at}.base-iface`, 'must be the interface the VLAN is on')]
      : interfaceNameCauses(vlan['base-iface'], `${at}.base-iface`)),
    ...(vlan['id'] === undefined
      ? [required(`${at}.id`, 'must be 1 to 4094')]
      : numberCauses(vlan, 'id', at, 1, LAST_VLAN)),
  ];
}
