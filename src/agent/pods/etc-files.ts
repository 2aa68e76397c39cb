/** `/etc/hosts`, `/etc/resolv.conf` and `/etc/hostname` of a pod, as kubelet writes them. Pure. */
import type { Pod } from '#api/core/pod.ts';
import { hostnameOf } from './environment.ts';

/** What the node knows about names. */
export interface NameFacts {
  readonly dnsServers: readonly string[];
  readonly clusterDomain: string;
}

/** Composes them. */
export function composeEtc(
  pod: Pod,
  podIPs: readonly string[],
  facts: NameFacts,
): Readonly<Record<string, string>> {
  const hostname = hostnameOf(pod);
  return {
    hosts: composeHosts(pod, hostname, podIPs, facts),
    'resolv.conf': composeResolver(pod, facts),
    hostname: `${hostname}\n`,
  };
}

function composeHosts(
  pod: Pod,
  hostname: string,
  podIPs: readonly string[],
  { clusterDomain }: NameFacts,
): string {
  const { namespace = '' } = pod.metadata;
  const { subdomain, hostAliases = [] } = pod.spec;
  const full =
    subdomain === undefined || subdomain === ''
      ? ''
      : `${hostname}.${subdomain}.${namespace}.svc.${clusterDomain}\t`;
  return [
    `# Kubernetes-managed hosts file${pod.spec.hostNetwork === true ? ' (host network)' : ''}.`,
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIPs.map((ip) => `${ip}\t${full}${hostname}`),
    ...(hostAliases.length === 0 ? [] : ['', '# Entries added by HostAliases.']),
    ...hostAliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join('\t')}`),
    '',
  ].join('\n');
}

function composeResolver({ metadata, spec }: Pod, { dnsServers, clusterDomain }: NameFacts): string {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {}, hostNetwork } = spec;
  const isCluster =
    (dnsPolicy === 'ClusterFirst' && hostNetwork !== true) || dnsPolicy === 'ClusterFirstWithHostNet';
  const own = isCluster
    ? [`${metadata.namespace ?? ''}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
    : [];
  const servers = [...(dnsPolicy === 'None' ? [] : dnsServers), ...(dnsConfig.nameservers ?? [])];
  const searches = [...own, ...(dnsConfig.searches ?? [])];
  const options = [
    ...(isCluster ? ['ndots:5'] : []),
    ...(dnsConfig.options ?? []).map(({ name = '', value }) =>
      value === undefined ? name : `${name}:${value}`,
    ),
  ];
  const lines = [
    ...(searches.length === 0 ? [] : [`search ${searches.join(' ')}`]),
    ...servers.map((server) => `nameserver ${server}`),
    ...(options.length === 0 ? [] : [`options ${options.join(' ')}`]),
  ];
  // Values come from a manifest: one line stays one line.
  return `${lines.map((line) => line.replaceAll(/[\r\n]/g, ' ')).join('\n')}\n`;
}
