/** Fields of the CNI type ovn-k8s-cni-overlay: a network of OVN. */
import { forbidden, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import {
  booleanField,
  integerField,
  isObject,
  mtuField,
  type PluginConfig,
  requiredText,
  wordField,
} from './config-fields.ts';
import { rangeCauses } from './ovn-ranges.ts';

export const ovnKeys = [
  'netAttachDefName',
  'topology',
  'role',
  'mtu',
  'subnets',
  'excludeSubnets',
  'reservedSubnets',
  'infrastructureSubnets',
  'joinSubnet',
  'transitSubnet',
  'defaultGatewayIPs',
  'vlanID',
  'physicalNetworkName',
  'allowPersistentIPs',
  'transport',
  'outboundSNAT',
  'uplink',
  'evpn',
];

/** Keys of upstream's that nothing here reads. */
export const unreadKeys = ['transport', 'outboundSNAT', 'uplink', 'evpn'];

const TOPOLOGIES = ['layer2', 'layer3', 'localnet'];
/** Keys that only some topologies have. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  excludeSubnets: ['layer2', 'localnet'],
  reservedSubnets: ['layer2'],
  infrastructureSubnets: ['layer2'],
  joinSubnet: ['layer2', 'layer3'],
  transitSubnet: ['layer2'],
  defaultGatewayIPs: ['layer2'],
  vlanID: ['localnet'],
  physicalNetworkName: ['localnet'],
  allowPersistentIPs: ['layer2', 'localnet'],
};

const PRIMARY_ONLY = [
  'reservedSubnets',
  'infrastructureSubnets',
  'joinSubnet',
  'transitSubnet',
  'defaultGatewayIPs',
];

/** @param own the definition's own `<namespace>/<name>`, which `netAttachDefName` must repeat. */
export function validateOvnConfig(config: PluginConfig, field: string, own: string): readonly Cause[] {
  return [
    ...requiredText(
      config,
      'name',
      field,
      'the name of the network, the same in every definition that joins it',
    ),
    ...ownNameCauses(config, field, own),
    ...(config['name'] === 'default'
      ? [invalid(`${field}.name`, 'default', 'is the name of the pod network; choose another')]
      : []),
    ...(config['topology'] === undefined
      ? [required(`${field}.topology`, `must be one of ${TOPOLOGIES.join(', ')}`)]
      : wordField(config, 'topology', field, TOPOLOGIES)),
    ...wordField(config, 'role', field, ['primary', 'secondary']),
    ...mtuField(config, field),
    ...integerField(config, 'vlanID', field, [1, 4094]),
    ...booleanField(config, 'allowPersistentIPs', field),
    ...physicalCauses(config, field),
    ...misplacedCauses(config, field),
    ...rangeCauses(config, field),
    ...(hasKeys(config['ipam'])
      ? [
          forbidden(
            `${field}.ipam`,
            'this type manages addresses itself; remove ipam and give subnets instead',
          ),
        ]
      : []),
  ];
}

/** Names in bridge mappings, which are joined by commas and colons. */
function physicalCauses({ physicalNetworkName: name }: PluginConfig, field: string): readonly Cause[] {
  const isGood = typeof name === 'string' && /^[^,:\s]{0,253}$/.test(name);
  return name === undefined || isGood
    ? []
    : [
        invalid(
          `${field}.physicalNetworkName`,
          name,
          'must be the "localnet" of a bridge mapping: text of at most 253 characters without commas, colons and spaces',
        ),
      ];
}

function hasKeys(ipam: unknown): boolean {
  return isObject(ipam) && Object.keys(ipam).length > 0;
}

function ownNameCauses(config: PluginConfig, field: string, own: string): readonly Cause[] {
  const at = `${field}.netAttachDefName`;
  const name = config['netAttachDefName'];
  if (name === undefined || name === '')
    return [required(at, `must be the definition's own namespace and name: ${own}`)];
  return name === own
    ? []
    : [
        invalid(
          at,
          name,
          `net-attach-def name (${own}) is inconsistent with config (${String(name)}); write ${own}`,
        ),
      ];
}

function misplacedCauses(config: PluginConfig, field: string): readonly Cause[] {
  const topology = config['topology'];
  if (typeof topology !== 'string' || !TOPOLOGIES.includes(topology)) return [];
  const causes = Object.entries(ONLY)
    .filter(([key, topologies]) => config[key] !== undefined && !topologies.includes(topology))
    .map(([key, topologies]) =>
      forbidden(
        `${field}.${key}`,
        `only with topology ${topologies.join(' or ')}, this is ${topology}; remove it`,
      ),
    );
  if (topology === 'localnet' && config['role'] === 'primary') {
    causes.push(forbidden(`${field}.role`, 'a localnet network is never primary; remove role'));
  }
  return [...causes, ...primaryCauses(config, field)];
}

/** Keys that only primary networks have, and what they must have. */
function primaryCauses(config: PluginConfig, field: string): readonly Cause[] {
  if (config['topology'] === 'localnet') return [];
  const isWithout = config['subnets'] === undefined || config['subnets'] === '';
  if (config['role'] === 'primary') {
    const why = 'a primary network gives its pods addresses: name a range, such as 10.1.0.0/16';
    return isWithout ? [required(`${field}.subnets`, why)] : [];
  }
  const causes = PRIMARY_ONLY.filter((key) => config[key] !== undefined).map((key) =>
    forbidden(`${field}.${key}`, 'only with role primary; remove it, or write "role": "primary"'),
  );
  const unrouted = 'topology layer3 routes between ranges of nodes: name a range, such as 10.1.0.0/16/24';
  return isWithout && config['topology'] === 'layer3'
    ? [...causes, required(`${field}.subnets`, unrouted)]
    : causes;
}
