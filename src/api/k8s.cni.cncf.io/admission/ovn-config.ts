/** Fields of the CNI type ovn-k8s-cni-overlay: a network of OVN. */
import { isIP } from 'node:net';
import { forbidden, invalid, required } from '../../cause.ts';
import { containsRange, formatRange, type IpRange, overlap, parseRanges } from '../../ip-range.ts';
import type { Cause } from '../../meta.ts';
import { clusterSubnets } from './cluster-subnets.ts';
import {
  booleanField,
  integerField,
  isObject,
  mtuField,
  type PluginConfig,
  requiredText,
  wordField,
} from './config-fields.ts';

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
    ...(config['topology'] === undefined
      ? [required(`${field}.topology`, `must be one of ${TOPOLOGIES.join(', ')}`)]
      : wordField(config, 'topology', field, TOPOLOGIES)),
    ...wordField(config, 'role', field, ['primary', 'secondary']),
    ...mtuField(config, field),
    ...integerField(config, 'vlanID', field, [1, 4094]),
    ...booleanField(config, 'allowPersistentIPs', field),
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

function rangeCauses(config: PluginConfig, field: string): readonly Cause[] {
  const causes = subnetCauses(config, field);
  return causes.length > 0 ? causes : placeCauses(config, field);
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
  return causes;
}

function subnetCauses(config: PluginConfig, field: string): readonly Cause[] {
  const layer3 = config['topology'] === 'layer3';
  return ['subnets', 'excludeSubnets', 'reservedSubnets', 'infrastructureSubnets', 'joinSubnet'].flatMap(
    (key) => {
      const text = config[key];
      if (text === undefined || text === '') return [];
      const at = `${field}.${key}`;
      if (typeof text !== 'string')
        return [invalid(at, text, 'must be text: ranges joined by commas, such as 192.168.100.0/24')];
      const wide = layer3 && key === 'subnets';
      const wrong = text.split(',').filter((range) => !isRange(range.trim(), wide));
      const form = wide ? '10.128.0.0/16/24 (range/prefix of each node)' : '192.168.100.0/24 or fd00::/64';
      return wrong.map((range) =>
        invalid(at, range, `must be a range such as ${form}; join several by commas`),
      );
    },
  );
}

/** What is wrong with where ranges lie. */
function placeCauses(config: PluginConfig, field: string): readonly Cause[] {
  const rangesOf = (key: string): readonly IpRange[] =>
    typeof config[key] === 'string' && config['topology'] !== 'layer3' ? parseRanges(config[key]) : [];
  const subnets = rangesOf('subnets');
  const wrong = (key: string, range: IpRange, why: string): Cause =>
    invalid(`${field}.${key}`, formatRange(range), why);
  const outside = ['excludeSubnets', 'reservedSubnets', 'infrastructureSubnets'].flatMap((key) =>
    rangesOf(key)
      .filter((range) => !subnets.some((subnet) => containsRange(subnet, range)))
      .map((range) =>
        wrong(key, range, `must lie inside subnets, ${String(config['subnets'] ?? 'which is not given')}`),
      ),
  );
  const taken = subnets.flatMap((range) => {
    const other = clusterSubnets.find(({ cidr }) => parseRanges(cidr).some((one) => overlap(one, range)));
    return other === undefined
      ? []
      : [
          wrong(
            'subnets',
            range,
            `invalid subnet configuration: overlaps the ${other.what}, ${other.cidr}; choose another range`,
          ),
        ];
  });
  const twice = subnets
    .filter((range, index) => subnets.findIndex(({ family }) => family === range.family) < index)
    .map((range) =>
      wrong('subnets', range, 'a network has at most one range of each family; remove this one'),
    );
  const { mtu } = config;
  const small =
    typeof mtu === 'number' && mtu > 0 && mtu < 1280 && subnets.some(({ family }) => family === 6);
  return [
    ...outside,
    ...taken,
    ...twice,
    ...(small ? [invalid(`${field}.mtu`, mtu, 'must be at least 1280, because a subnet is IPv6')] : []),
  ];
}

function isRange(text: string, withHostPrefix: boolean): boolean {
  const [address = '', ...lengths] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1;
  const good = lengths.every((length) => /^\d{1,3}$/.test(length) && Number(length) <= bits);
  const [prefix, host] = lengths;
  return (
    good &&
    (lengths.length === 1 || (withHostPrefix && lengths.length === 2 && Number(prefix) < Number(host)))
  );
}
