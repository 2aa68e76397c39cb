/** The Service `default/kubernetes` with the addresses of this server behind it (kubernetes `pkg/controlplane/reconcilers`). */
import { isIP } from 'node:net';
import { serviceRanges } from '#api/core/admission/cluster-ip.ts';
import { endpoints } from '#api/core/endpoints.ts';
import { service } from '#api/core/service.ts';
import { endpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { internalCall, internalOptions } from './internal-call.ts';
import type { Services } from './registry/call.ts';
import { keyOf } from './registry/catalog.ts';
import { create } from './registry/create.ts';
import type { ApiObject } from './registry/objects.ts';
import { update } from './registry/update.ts';

const name = 'kubernetes';
const namespace = 'default';
const port = { name: 'https', protocol: 'TCP' };

/** Makes the Service, and keeps what is behind it at the first address that pods could reach; loopback ones they cannot. */
export async function ensureKubernetesService(services: Services, urls: readonly string[]): Promise<void> {
  const reached = urls
    .map((url) => new URL(url))
    .find(({ hostname }) => !/^(127\.|\[::1\]|localhost)/.test(hostname));
  const targetPort = Number(new URL(urls[0] ?? 'https://127.0.0.1:443').port);
  const clusterIP = serviceRanges.IPv4.replace(/0\/\d+$/, '1');
  await ensure(services, service, {
    metadata: { labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      type: 'ClusterIP',
      ports: [{ ...port, port: 443, targetPort }],
    },
  });
  if (reached === undefined) {
    return;
  }
  const ip = reached.hostname.replace(/^\[|\]$/g, '');
  const ports = [{ ...port, port: Number(reached.port) }];
  await ensure(services, endpoints, {
    metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
    subsets: [{ addresses: [{ ip }], ports }],
  });
  await ensure(services, endpointSlice, {
    metadata: { labels: { 'kubernetes.io/service-name': name } },
    addressType: isIP(ip) === 6 ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
    ports,
  });
}

/** Makes an object, or lays the fields given over the one that is there; nothing is written when nothing changes. */
async function ensure(
  services: Services,
  definition: Pick<KindDefinition, 'group' | 'version' | 'plural'>,
  wanted: Readonly<Record<string, unknown>>,
): Promise<void> {
  const kind = services.catalog.find(definition.group, definition.version, definition.plural);
  if (kind === undefined) {
    return;
  }
  const root = kind.group === '' ? '/api/v1' : `/apis/${apiVersionOf(kind)}`;
  const path = `${root}/namespaces/${namespace}/${kind.plural}`;
  const { metadata, ...content } = wanted;
  if (services.store.head(keyOf(kind, namespace, name)) === undefined) {
    const object = { ...content, metadata: { ...(metadata as object), name, namespace } } as ApiObject;
    await create(services, internalCall('POST', path), { kind, namespace, object }, internalOptions);
    return;
  }
  const next = (live: ApiObject) => ({
    object: {
      ...live,
      ...content,
      ...('spec' in content ? { spec: { ...(live['spec'] as object), ...(content['spec'] as object) } } : {}),
    },
  });
  await update(
    services,
    internalCall('PUT', `${path}/${name}`),
    { kind, namespace, name, next },
    internalOptions,
  );
}
