/** Ranges and addresses of a configuration of type ovn-k8s-cni-overlay: their form, and where they may lie. */
import { invalid } from '../../cause.ts';
import {
  containsIp,
  containsRange,
  formatIp,
  formatRange,
  type Ip,
  type IpRange,
  overlap,
  parseInterface,
  parseIp,
  parseRanges,
} from '../../ip-range.ts';
import type { Cause } from '../../meta.ts';
import { type NetworkSubnet, parseNodeRanges } from '../ovn-network.ts';
import { clusterSubnets } from './cluster-subnets.ts';
import type { PluginConfig } from './config-fields.ts';
import { joinRoomCauses, roomCauses, specialRanges } from './ovn-room.ts';

/** Keys whose value is ranges joined by commas. */
const rangeKeys = [
  'subnets',
  'excludeSubnets',
  'reservedSubnets',
  'infrastructureSubnets',
  'joinSubnet',
  'transitSubnet',
];
/** Keys whose ranges are parts of `subnets`. */
const innerKeys = ['excludeSubnets', 'reservedSubnets', 'infrastructureSubnets'];
/** Ranges inside OVN that other networks may share: routers of one network never meet another's. */
const ownRangeKeys = ['joinSubnet', 'transitSubnet'];
/** Opens what is said of ranges that are the cluster's, in upstream's words. */
export const takenText = 'invalid subnet configuration:';
/** Longest prefix of a node's part: room for the gateway, the management port and a pod. */
const longestHostPrefix = { 4: 29, 6: 125 } as const;

/** What is wrong with the ranges of a configuration. */
export function rangeCauses(config: PluginConfig, field: string): readonly Cause[] {
  const causes = [
    ...rangeKeys.flatMap((key) => formCauses(config, key, `${field}.${key}`)),
    ...gatewayForm(config, `${field}.defaultGatewayIPs`),
  ];
  return causes.length > 0 ? causes : placeCauses(config, field);
}

function formCauses(config: PluginConfig, key: string, at: string): readonly Cause[] {
  const text = config[key];
  if (text === undefined || text === '') return [];
  if (typeof text !== 'string')
    return [invalid(at, text, 'must be text: ranges joined by commas, such as 192.168.100.0/24')];
  const ranges = text.split(',').map((range) => range.trim());
  if (key === 'subnets' && config['topology'] === 'layer3')
    return ranges.flatMap((range) => nodeRangeCauses(range, at));
  return ranges
    .filter((range) => parseInterface(range) === undefined)
    .map((range) =>
      invalid(at, range, 'must be a range such as 192.168.100.0/24 or fd00::/64; join several by commas'),
    );
}

/** A range of topology layer3: `10.128.0.0/16/24`. */
function nodeRangeCauses(text: string, at: string): readonly Cause[] {
  const [range] = parseNodeRanges(text);
  if (range === undefined)
    return [
      invalid(
        at,
        text,
        'must be a range such as 10.128.0.0/16/24 (range/prefix of each node); join several by commas',
      ),
    ];
  const longest = longestHostPrefix[range.family];
  const host = range.hostPrefix ?? 0;
  return host > range.prefix && host <= longest
    ? []
    : [
        invalid(
          at,
          text,
          `has a hostSubnet (prefix of each node) of ${host}, which must be from ${range.prefix + 1} to ${longest}; write such as ${formatRange(range)}/${Math.min(range.prefix + 8, longest)}, or a larger range`,
        ),
      ];
}

function gatewayForm(config: PluginConfig, at: string): readonly Cause[] {
  const text = config['defaultGatewayIPs'];
  if (text === undefined || text === '') return [];
  const wrong =
    typeof text === 'string' ? text.split(',').filter((ip) => parseIp(ip.trim()) === undefined) : [text];
  return wrong.map((ip) => invalid(at, ip, 'must be addresses joined by commas, such as 10.1.0.254'));
}

/** What is wrong with where ranges lie. */
function placeCauses(config: PluginConfig, field: string): readonly Cause[] {
  const subnets: readonly NetworkSubnet[] = rangesOf(config, 'subnets');
  const { mtu } = config;
  const small =
    typeof mtu === 'number' && mtu > 0 && mtu < 1280 && subnets.some(({ family }) => family === 6);
  const causes = [
    ...innerKeys.flatMap((key) => outsideCauses(config, key, subnets, `${field}.${key}`)),
    ...['subnets', ...ownRangeKeys].flatMap((key) => takenCauses(config, key, `${field}.${key}`)),
    ...familyCauses(config, subnets, `${field}.subnets`),
    ...crossCauses(config, field),
    ...gatewayCauses(config, subnets, `${field}.defaultGatewayIPs`),
    ...(small ? [invalid(`${field}.mtu`, mtu, 'must be at least 1280, because a subnet is IPv6')] : []),
    ...ownRangeKeys.flatMap((key) => joinRoomCauses(rangesOf(config, key), `${field}.${key}`)),
  ];
  // With topology layer3 the parts of the nodes are judged, by their prefix.
  return causes.length > 0 || config['topology'] === 'layer3'
    ? causes
    : roomCauses(subnets, withheldOf(config), `${field}.subnets`);
}

function withheldOf(config: PluginConfig): Parameters<typeof roomCauses>[1] {
  return {
    isPrimary: config['role'] === 'primary',
    excluded: rangesOf(config, 'excludeSubnets'),
    infrastructure: rangesOf(config, 'infrastructureSubnets'),
    gateways: gatewaysOf(config),
  };
}

function gatewaysOf({ defaultGatewayIPs: text }: PluginConfig): readonly Ip[] {
  return typeof text === 'string' ? text.split(',').flatMap((ip) => parseIp(ip.trim()) ?? []) : [];
}

function rangesOf(config: PluginConfig, key: string): readonly NetworkSubnet[] {
  const text = config[key];
  if (typeof text !== 'string' || text === '') return [];
  return key === 'subnets' && config['topology'] === 'layer3' ? parseNodeRanges(text) : parseRanges(text);
}

function outsideCauses(
  config: PluginConfig,
  key: string,
  subnets: readonly IpRange[],
  at: string,
): readonly Cause[] {
  return rangesOf(config, key)
    .filter((range) => !subnets.some((subnet) => containsRange(subnet, range)))
    .map((range) =>
      invalid(
        at,
        formatRange(range),
        `must lie inside subnets, ${String(config['subnets'] ?? 'which is not given')}`,
      ),
    );
}

/** Ranges of the cluster itself. Join and transit ranges of networks may be equal, and so be the default ones. */
function takenCauses(config: PluginConfig, key: string, at: string): readonly Cause[] {
  const isOwn = (what: string): boolean =>
    (key === 'joinSubnet' && what === 'join network of user-defined networks') ||
    (key === 'transitSubnet' && what === 'transit network');
  const others = [...specialRanges, ...clusterSubnets.filter(({ what }) => !isOwn(what))];
  return rangesOf(config, key).flatMap((range) => {
    const other = others.find(({ cidr }) => parseRanges(cidr).some((one) => overlap(one, range)));
    return other === undefined
      ? []
      : [
          invalid(
            at,
            formatRange(range),
            `${takenText} overlaps the ${other.what}, ${other.cidr}; choose another range`,
          ),
        ];
  });
}

/** Layer 3 may have more ranges of a family, when the nodes outgrow the first; they must be apart. */
function familyCauses(config: PluginConfig, subnets: readonly NetworkSubnet[], at: string): readonly Cause[] {
  const mayHaveMore = config['topology'] === 'layer3';
  return subnets.flatMap((range, index) => {
    const before = subnets.slice(0, index).filter(({ family }) => family === range.family);
    const twin = before.find((one) => overlap(one, range));
    if (twin !== undefined && mayHaveMore)
      return [
        invalid(
          at,
          formatRange(range),
          `overlaps ${formatRange(twin)} of the same network; choose another range`,
        ),
      ];
    return before.length === 0 || mayHaveMore
      ? []
      : [invalid(at, formatRange(range), 'a network has at most one range of each family; remove this one')];
  });
}

/** Ranges of one network that must be apart from each other. */
function crossCauses(config: PluginConfig, field: string): readonly Cause[] {
  const pairs = [
    ['joinSubnet', 'subnets'],
    ['transitSubnet', 'subnets'],
    ['transitSubnet', 'joinSubnet'],
    ['infrastructureSubnets', 'reservedSubnets'],
  ] as const;
  return pairs.flatMap(([key, other]) =>
    rangesOf(config, key).flatMap((range) => {
      const met = rangesOf(config, other).find((one) => overlap(one, range));
      return met === undefined
        ? []
        : [
            invalid(
              `${field}.${key}`,
              formatRange(range),
              `overlaps ${formatRange(met)} of ${other}; choose another range`,
            ),
          ];
    }),
  );
}

/** Gateways are addresses of the subnets, one of each family, and not those of the network itself. */
function gatewayCauses(config: PluginConfig, subnets: readonly IpRange[], at: string): readonly Cause[] {
  const gateways = gatewaysOf(config);
  const infrastructure = rangesOf(config, 'infrastructureSubnets');
  return gateways.flatMap(({ family, value }, index) => {
    const told = formatIp(family, value);
    const subnet = subnets.find((one) => one.family === family && containsIp(one, value));
    if (subnet === undefined)
      return [invalid(at, told, `must lie inside subnets, ${String(config['subnets'])}`)];
    if (value === subnet.base)
      return [
        invalid(at, told, `is the address of the network ${formatRange(subnet)} itself; choose another`),
      ];
    if (
      infrastructure.length > 0 &&
      !infrastructure.some((one) => one.family === family && containsIp(one, value))
    )
      return [
        invalid(
          at,
          told,
          `must lie inside infrastructureSubnets, ${String(config['infrastructureSubnets'])}`,
        ),
      ];
    return gateways.findIndex((one) => one.family === family) < index
      ? [invalid(at, told, 'a network has one gateway of each family; remove this one')]
      : [];
  });
}
