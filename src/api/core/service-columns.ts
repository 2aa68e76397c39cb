/** Cells of `kubectl get services`. */
import { ageColumn } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { Service } from './service.ts';

export const serviceColumns: readonly PrinterColumn[] = [
  {
    name: 'Type',
    type: 'string',
    description: 'How it is reached.',
    value: (one: Service) => one.spec.type ?? '',
  },
  {
    name: 'Cluster-IP',
    type: 'string',
    description: 'Address in the cluster.',
    value: (one: Service) => one.spec.clusterIPs?.[0] || one.spec.clusterIP || '<none>',
  },
  { name: 'External-IP', type: 'string', description: 'Addresses from outside.', value: externalCell },
  { name: 'Port(s)', type: 'string', description: 'Ports, with node ports.', value: portsCell },
  ageColumn,
  { name: 'Selector', type: 'string', description: 'Labels of its pods.', priority: 1, value: selectorCell },
];

function externalCell({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return external.length === 0 ? '<none>' : external.join(',');
  const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '');
  const all = [...new Set(given)].filter((address) => address !== '').concat(external);
  return all.length === 0 ? '<pending>' : all.join(',');
}

function portsCell({ spec }: Service): string {
  const ports = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort === undefined || nodePort === 0
      ? `${port}/${protocol ?? 'TCP'}`
      : `${port}:${nodePort}/${protocol ?? 'TCP'}`,
  );
  return ports.length === 0 ? '<none>' : ports.join(',');
}

function selectorCell({ spec }: Service): string {
  const pairs = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
