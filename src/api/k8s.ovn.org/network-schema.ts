/** Topologies of user-defined networks, with OVN-Kubernetes' rules and messages (pkg/crd/userdefinednetwork/v1/shared.go). */
import type { Schema, ValidationRule } from '../schema.ts';
import { array, int32, object, oneOf, string } from '../schema.ts';

const cidr = string('A network such as 10.1.1.0/24 or fd00:1::/64.', {
  maxLength: 43,
  'x-kubernetes-validations': [{ rule: 'isCIDR(self)', message: 'CIDR is invalid' }],
});
const ip = string('An IP address.', {
  maxLength: 45,
  'x-kubernetes-validations': [{ rule: 'isIP(self)', message: 'IP is invalid' }],
});

/** One entry, or one of each family. */
function dualStack(item: Schema<string>, description: string, of: 'CIDR' | 'IP'): Schema<readonly string[]> {
  const family = (i: number): string =>
    of === 'CIDR' ? `cidr(self[${i}]).ip().family()` : `ip(self[${i}]).family()`;
  const rule = `size(self) != 2 || !is${of}(self[0]) || !is${of}(self[1]) || ${family(0)} != ${family(1)}`;
  const message = `When 2 ${of}s are set, they must be from different IP families`;
  return array(item, description, {
    minItems: 1,
    maxItems: 2,
    'x-kubernetes-validations': [{ rule, message }],
  });
}

const role = oneOf(
  ['Primary', 'Secondary'],
  'Primary: every pod of the namespace is on it instead of the default network. Secondary: pods that ask for it.',
);
const mtu = int32('Largest packet, bytes; 1400 when absent, 1500 with Localnet.', {
  minimum: 576,
  maximum: 65536,
});
const subnets = dualStack(cidr, 'Ranges that pods get addresses of, one per family.', 'CIDR');
const joinSubnets = dualStack(cidr, 'Ranges inside OVN of a primary network, one per family.', 'CIDR');
const ipam = object(
  {
    mode: oneOf(['Enabled', 'Disabled'], 'Whether addresses are given; Enabled when absent.'),
    lifecycle: oneOf(['Persistent'], 'Addresses of a virtual machine outlive its pods.'),
  },
  [],
  'How addresses are given.',
  {
    minProperties: 1,
    'x-kubernetes-validations': [
      {
        rule: "!has(self.lifecycle) || self.lifecycle != 'Persistent' || !has(self.mode) || self.mode == 'Enabled'",
        message: 'lifecycle Persistent is only supported when ipam.mode is Enabled',
      },
    ],
  },
);
const ranges = (description: string, maxItems: number): Schema<readonly string[]> =>
  array(cidr, description, { minItems: 1, maxItems });

const primaryOnly = (field: string, name: string): ValidationRule => ({
  rule: `!has(self.${field}) || has(self.role) && self.role == 'Primary'`,
  message: `${name} is only supported for Primary network`,
});
const inside = (field: string): ValidationRule => ({
  // Upstream has the rule of localnets as a comment, and says nothing of a network whose subnets are not there twice.
  rule: `!has(self.${field}) || !has(self.subnets) || self.${field}.all(e, self.subnets.exists(s, cidr(s).containsCIDR(cidr(e))))`,
  message: `${field} must be subnetworks of the networks specified in the subnets field`,
  fieldPath: `.${field}`,
});
const withSubnets = (field: string): ValidationRule => ({
  rule: `!has(self.${field}) || has(self.subnets)`,
  message: `${field} must be unset when subnets is unset`,
});
const masked = (field: string): ValidationRule => ({
  rule: `!has(self.${field}) || self.${field}.all(s, isCIDR(s) && cidr(s) == cidr(s).masked())`,
  message: `${field} must be a masked network address (no host bits set)`,
});
const ipamRules: readonly ValidationRule[] = [
  {
    rule: "has(self.ipam) && has(self.ipam.mode) && self.ipam.mode != 'Enabled' || has(self.subnets)",
    message: 'Subnets is required with ipam.mode is Enabled or unset',
  },
  {
    rule: "!has(self.ipam) || !has(self.ipam.mode) || self.ipam.mode != 'Disabled' || !has(self.subnets)",
    message: 'Subnets must be unset when ipam.mode is Disabled',
  },
];
const localnetIpamRule: ValidationRule = {
  rule: "!has(self.ipam) || !has(self.ipam.mode) || self.ipam.mode == 'Enabled' ? has(self.subnets) : !has(self.subnets)",
  message: 'Subnets is required with ipam.mode is Enabled or unset, and forbidden otherwise',
};
const mtuRule: ValidationRule = {
  rule: '!has(self.subnets) || !has(self.mtu) || !self.subnets.exists(i, isCIDR(i) && cidr(i).ip().family() == 6) || self.mtu >= 1280',
  message: 'MTU should be greater than or equal to 1280 when IPv6 subnet is used',
};
const immutable = (what: string): ValidationRule => ({
  rule: 'self == oldSelf',
  message: `${what} is immutable`,
});

/** One switch over all nodes. */
export const layer2 = object(
  {
    role,
    mtu,
    subnets,
    reservedSubnets: ranges('Ranges whose addresses are given only to those who ask for them.', 25),
    infrastructureSubnets: ranges('Ranges for gateways and management ports.', 4),
    defaultGatewayIPs: dualStack(ip, 'Addresses of the gateway, one per family.', 'IP'),
    joinSubnets,
    ipam,
  },
  ['role'],
  'One switch over all nodes.',
  {
    'x-kubernetes-validations': [
      immutable('Layer2'),
      ...ipamRules,
      {
        rule: "!has(self.ipam) || !has(self.ipam.mode) || self.ipam.mode != 'Disabled' || self.role == 'Secondary'",
        message: 'Disabled ipam.mode is only supported for Secondary network',
      },
      primaryOnly('joinSubnets', 'JoinSubnets'),
      mtuRule,
      primaryOnly('defaultGatewayIPs', 'defaultGatewayIPs'),
      {
        rule: '!has(self.defaultGatewayIPs) || self.defaultGatewayIPs.all(i, self.subnets.exists(s, cidr(s).containsIP(i)))',
        message: 'defaultGatewayIPs must belong to one of the subnets specified in the subnets field',
      },
      {
        rule: '!has(self.defaultGatewayIPs) || size(self.defaultGatewayIPs) == size(self.subnets)',
        message: 'defaultGatewayIPs must be specified for all IP families',
      },
      ...['reservedSubnets', 'infrastructureSubnets'].flatMap((field) => [
        withSubnets(field),
        primaryOnly(field, field),
        inside(field),
        masked(field),
      ]),
      {
        rule: '!has(self.infrastructureSubnets) || !has(self.defaultGatewayIPs) || self.defaultGatewayIPs.all(i, self.infrastructureSubnets.exists(s, cidr(s).containsIP(i)))',
        message: 'defaultGatewayIPs have to belong to infrastructureSubnets',
      },
      {
        rule: '!has(self.infrastructureSubnets) || !has(self.reservedSubnets) || self.infrastructureSubnets.all(a, !self.reservedSubnets.exists(b, cidr(a).containsCIDR(cidr(b)) || cidr(b).containsCIDR(cidr(a))))',
        message: 'infrastructureSubnets and reservedSubnets must not overlap',
      },
    ],
  },
);

const layer3Subnet = object(
  {
    cidr,
    hostSubnet: int32("Prefix length of each node's part; 24 for IPv4, 64 for IPv6 when absent.", {
      minimum: 1,
      maximum: 127,
    }),
  },
  ['cidr'],
  'A range that is cut into one subnet per node.',
  {
    'x-kubernetes-validations': [
      {
        rule: '!has(self.hostSubnet) || !isCIDR(self.cidr) || self.hostSubnet > cidr(self.cidr).prefixLength()',
        message: 'HostSubnet must be smaller than CIDR subnet',
      },
      {
        rule: '!has(self.hostSubnet) || !isCIDR(self.cidr) || (cidr(self.cidr).ip().family() != 4 || self.hostSubnet < 32)',
        message: 'HostSubnet must < 32 for ipv4 CIDR',
      },
    ],
  },
);

/** A field that stays as it is, absent too: a rule on the field alone would not see it come or go. */
const fixed = (field: string): ValidationRule => ({
  rule: `has(self.${field}) == has(oldSelf.${field}) && (!has(self.${field}) || self.${field} == oldSelf.${field})`,
  message: `${field} is immutable`,
});
const sameHostSubnet = (a: string, b: string): string =>
  `has(${a}.hostSubnet) == has(${b}.hostSubnet) && (!has(${a}.hostSubnet) || ${a}.hostSubnet == ${b}.hostSubnet)`;
const familyOf = (subnet: string): string => `cidr(${subnet}.cidr).ip().family()`;
/** Rules that reckon with ranges; what is no range has another message. */
const ofRanges = (rule: string): string => `!self.subnets.all(i, isCIDR(i.cidr)) || ${rule}`;

/** Subnets of topology Layer3: a primary network may get more of them, for more nodes; nothing else changes. */
const layer3Rules: readonly ValidationRule[] = [
  ...['role', 'mtu', 'joinSubnets'].map(fixed),
  {
    rule: "self.role != 'Secondary' || self.subnets == oldSelf.subnets",
    message: 'Subnets is immutable for Secondary role',
  },
  {
    rule: 'oldSelf.subnets.all(a, self.subnets.exists(b, b.cidr == a.cidr))',
    message: 'Removing existing subnets is not allowed',
  },
  {
    rule: `oldSelf.subnets.all(a, self.subnets.filter(b, b.cidr == a.cidr).all(b, ${sameHostSubnet('a', 'b')}))`,
    message: 'hostSubnet is immutable',
  },
  {
    // Upstream has no such rule, and says nothing of networks that get a second family: nodes and pods keep what they have.
    rule: ofRanges(`self.subnets.all(a, oldSelf.subnets.exists(b, ${familyOf('a')} == ${familyOf('b')}))`),
    message: 'Subnets of another IP family cannot be added: make a new network with both families',
  },
  {
    rule: ofRanges(
      '!self.subnets.exists(a, self.subnets.filter(b, cidr(a.cidr).containsCIDR(b.cidr)).size() > 1)',
    ),
    message: 'Subnets must not overlap or contain each other',
  },
  {
    rule: 'self.subnets.all(a, self.subnets.filter(b, b.cidr == a.cidr).size() == 1)',
    message: 'Subnets with same CIDR are not allowed',
  },
  {
    rule: ofRanges(
      `self.subnets.all(a, self.subnets.all(b, ${familyOf('a')} != ${familyOf('b')} || (${sameHostSubnet('a', 'b')})))`,
    ),
    message: 'Subnets from the same IP family must use the same hostSubnet value',
  },
];

/** A switch on each node, joined by a router. */
export const layer3 = object(
  {
    role,
    mtu,
    subnets: array(layer3Subnet, 'Ranges of the nodes.', { minItems: 1, maxItems: 400 }),
    joinSubnets,
  },
  ['role', 'subnets'],
  'A switch on each node, joined by a router.',
  {
    'x-kubernetes-validations': [
      ...layer3Rules,
      primaryOnly('joinSubnets', 'JoinSubnets'),
      {
        rule: '!has(self.mtu) || !self.subnets.exists(i, isCIDR(i.cidr) && cidr(i.cidr).ip().family() == 6) || self.mtu >= 1280',
        message: 'MTU should be greater than or equal to 1280 when IPv6 subnet is used',
      },
      {
        rule: "self.role != 'Secondary' || self.subnets.size() <= 2",
        message: 'Secondary networks may define at most 2 subnets',
      },
      {
        rule: "self.role != 'Secondary' || size(self.subnets) != 2 || !isCIDR(self.subnets[0].cidr) || !isCIDR(self.subnets[1].cidr) || cidr(self.subnets[0].cidr).ip().family() != cidr(self.subnets[1].cidr).ip().family()",
        message: 'When 2 CIDRs are set for Secondary networks, they must be from different IP families',
      },
    ],
  },
);

/** The physical network. */
export const localnet = object(
  {
    role: oneOf(['Secondary'], 'Localnet networks are secondary.'),
    physicalNetworkName: string("Name in the nodes' bridge mappings.", {
      minLength: 1,
      maxLength: 253,
      'x-kubernetes-validations': [
        {
          rule: "self.matches('^[^,:]+$')",
          message: 'physicalNetworkName cannot contain `,` or `:` characters',
        },
      ],
    }),
    mtu,
    vlan: object(
      {
        mode: oneOf(['Access'], 'Frames are untagged towards the pod.'),
        access: object({ id: int32('VLAN on the physical network.', { minimum: 1, maximum: 4094 }) }, ['id']),
      },
      ['mode'],
      'VLAN on the physical network; none when absent.',
      {
        'x-kubernetes-validations': [
          {
            rule: "has(self.mode) && self.mode == 'Access' ? has(self.access): !has(self.access)",
            message: "vlan access config is required when vlan mode is 'Access', and forbidden otherwise",
          },
        ],
      },
    ),
    subnets,
    excludeSubnets: ranges('Ranges inside subnets whose addresses are not given.', 25),
    ipam,
  },
  ['role', 'physicalNetworkName'],
  'The physical network.',
  {
    'x-kubernetes-validations': [
      immutable('Localnet'),
      localnetIpamRule,
      {
        rule: '!has(self.excludeSubnets) || has(self.subnets)',
        message: 'excludeSubnets must be unset when subnets is unset',
      },
      inside('excludeSubnets'),
      { ...mtuRule, message: 'MTU should be greater than or equal to 1280 when an IPv6 subnet is used' },
    ],
  },
);

/** Exactly the part of the topology is there; the topology stays. */
export function unionRules(topologies: readonly string[]): readonly ValidationRule[] {
  return [
    { rule: 'self.topology == oldSelf.topology', message: 'Topology is immutable' },
    ...topologies.map((topology) => {
      const field = topology.toLowerCase();
      return {
        rule: `has(self.topology) && self.topology == '${topology}' ? has(self.${field}): !has(self.${field})`,
        message: `spec.${field} is required when topology is ${topology} and forbidden otherwise`,
      };
    }),
  ];
}
