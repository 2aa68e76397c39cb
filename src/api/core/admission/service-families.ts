/** Families of a service's addresses. k8s.io/kubernetes/pkg/registry/core/service/storage/alloc.go. Pure. */
import { isIP } from 'node:net';
import { duplicate, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { Service } from '../service.ts';

type Spec = Service['spec'];
type Family = NonNullable<Spec['ipFamilies']>[number];

/**
 * A policy and families, as the addresses asked for say; IPv4 alone without any. Who names fewer families than the service
 * has (`old`) is not given the second one again: it is refused.
 */
export function withFamilies(
  spec: Spec,
  old?: Spec,
): Pick<Spec, 'ipFamilies' | 'ipFamilyPolicy' | 'clusterIPs'> {
  const { clusterIP = '', selector = {} } = spec;
  const clusterIPs = spec.clusterIPs ?? (clusterIP === '' ? undefined : [clusterIP]);
  const isFree = clusterIPs?.[0] === 'None' && Object.keys(selector).length === 0;
  const ipFamilyPolicy = spec.ipFamilyPolicy ?? (isFree ? 'RequireDualStack' : 'SingleStack');
  const named = spec.ipFamilies ?? [];
  const told = (clusterIPs ?? []).slice(named.length).flatMap((address) => familyOf(address) ?? []);
  const [first = 'IPv4', ...more] = [...named, ...told];
  const isLess = named.length === 1 && (old?.ipFamilies?.length ?? 0) > 1;
  const second = more.length === 0 && ipFamilyPolicy !== 'SingleStack' && !isLess ? [otherThan(first)] : more;
  return {
    ipFamilyPolicy,
    ipFamilies: [first, ...second],
    ...(clusterIPs === undefined ? {} : { clusterIPs }),
  };
}

/** What is wrong with families, policy, and addresses together. */
export function familyCauses({
  ipFamilies = [],
  ipFamilyPolicy,
  clusterIPs = [],
  type,
}: Spec): readonly Cause[] {
  if (type === 'ExternalName') return [];
  const single = ipFamilyPolicy === 'SingleStack';
  const several = (what: string): Cause =>
    invalid(
      'spec.ipFamilyPolicy',
      ipFamilyPolicy,
      `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`,
    );
  const families = clusterIPs.map(familyOf);
  return [
    ...(ipFamilies.length > 1 && ipFamilies[0] === ipFamilies[1]
      ? [duplicate('spec.ipFamilies[1]', ipFamilies[1], '')]
      : []),
    ...(clusterIPs.length > 1 && families[0] === families[1]
      ? [invalid('spec.clusterIPs', clusterIPs, 'may specify no more than one IP for each IP family')]
      : []),
    ...(single && clusterIPs.length > 1 ? [several('cluster IPs')] : []),
    ...(single && ipFamilies.length > 1 ? [several('IP families')] : []),
    ...families.flatMap((family, index) => {
      const wanted = ipFamilies[index];
      return family === undefined || wanted === undefined || family === wanted
        ? []
        : [
            invalid(
              `spec.clusterIPs[${index}]`,
              clusterIPs[index],
              `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``,
            ),
          ];
    }),
  ];
}

function familyOf(address: string): Family | undefined {
  const family = isIP(address);
  return family === 6 ? 'IPv6' : family === 4 ? 'IPv4' : undefined;
}

function otherThan(family: Family): Family {
  return family === 'IPv4' ? 'IPv6' : 'IPv4';
}
