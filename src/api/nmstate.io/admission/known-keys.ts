/**
 * Keys that nmstate knows. The schema of a desired state is open, so nothing else would notice that `brigde` made a
 * bridge without its ports. Vocabulary: https://nmstate.io/devel/yaml_api.html
 */
import { invalid, nearest } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { entriesOf, type Part, type PlacedPart, partOf } from './desired-state.ts';

const FIELD = 'spec.desiredState';

const interfaceKeys = [
  ...[
    'name',
    'profile-name',
    'description',
    'type',
    'state',
    'identifier',
    'mac-address',
    'permanent-mac-address',
  ],
  ...['pci-address', 'mtu', 'min-mtu', 'max-mtu', 'ipv4', 'ipv6', 'mptcp', 'wait-ip', 'controller', 'master'],
  ...[
    'accept-all-mac-addresses',
    'copy-mac-from',
    'ovs-db',
    'ovsdb',
    '802.1x',
    'lldp',
    'ethtool',
    'alt-names',
  ],
  ...['dispatch', 'driver', 'ethernet', 'bridge', 'link-aggregation', 'bond', 'vlan', 'vxlan', 'vrf', 'veth'],
  ...[
    'mac-vlan',
    'mac-vtap',
    'infiniband',
    'loopback',
    'ipvlan',
    'hsr',
    'macsec',
    'ipsec',
    'libreswan',
    'patch',
  ],
  ...['dpdk', 'tun', 'xfrm', 'linux-bridge', 'ovs-bridge'],
];
const bridgeKeys = ['options', 'port', 'allow-extra-patch-ports'];
const portKeys = [
  'name',
  'vlan',
  'stp-hairpin-mode',
  'stp-path-cost',
  'stp-priority',
  'link-aggregation',
  'options',
];
const vlanKeys = ['mode', 'tag', 'trunk-tags', 'enable-native'];

interface StrayKey {
  readonly field: string;
  readonly value: unknown;
  readonly known: readonly string[];
  readonly near: string | undefined;
}

/** Keys that are a known one misspelt: refused, for the policy would be applied without them. */
export function misspeltKeyCauses(state: Part): readonly Cause[] {
  return strayKeys(state).flatMap(({ field, value, near }) =>
    near === undefined
      ? []
      : [invalid(field, value, `is not a key of a network state; did you mean ${JSON.stringify(near)}?`)],
  );
}

/** Keys that are none known, and none misspelt. */
export function unknownKeyWarnings(state: Part): readonly string[] {
  return strayKeys(state).flatMap(({ field, known, near }) =>
    near === undefined
      ? [`${field}: not a key of a network state, so it does nothing; known keys: ${known.join(', ')}`]
      : [],
  );
}

function strayKeys(state: Part): readonly StrayKey[] {
  return entriesOf(state, 'interfaces', FIELD).flatMap(({ part, field }) => {
    const at = `${field}.bridge`;
    const bridge = partOf(part, 'bridge');
    return [
      ...strayIn({ part, field }, interfaceKeys),
      ...strayIn({ part: bridge, field: at }, bridgeKeys),
      ...entriesOf(bridge, 'port', at).flatMap((port) => [
        ...strayIn(port, portKeys),
        ...strayIn({ part: partOf(port.part, 'vlan'), field: `${port.field}.vlan` }, vlanKeys),
      ]),
    ];
  });
}

function strayIn({ part, field }: PlacedPart, known: readonly string[]): readonly StrayKey[] {
  return Object.keys(part)
    .filter((key) => !known.includes(key))
    .map((key) => ({ field: `${field}.${key}`, value: part[key], known, near: nearest(key, known) }));
}
