/** Ranges that OVN-Kubernetes keeps for itself, with its defaults: no network may overlap them. */
export const clusterSubnets: readonly { readonly what: string; readonly cidr: string }[] = [
  { what: 'pod network', cidr: '10.128.0.0/14' },
  { what: 'pod network', cidr: 'fd01::/48' },
  { what: 'service network', cidr: '172.30.0.0/16' },
  { what: 'service network', cidr: 'fd02::/112' },
  { what: 'join network', cidr: '100.64.0.0/16' },
  { what: 'join network', cidr: 'fd98::/64' },
  { what: 'join network of user-defined networks', cidr: '100.65.0.0/16' },
  { what: 'join network of user-defined networks', cidr: 'fd99::/64' },
  { what: 'transit network', cidr: '100.88.0.0/16' },
  { what: 'transit network', cidr: 'fd97::/64' },
  { what: 'masquerade network', cidr: '169.254.0.0/17' },
  { what: 'masquerade network', cidr: 'fd69::/112' },
];
