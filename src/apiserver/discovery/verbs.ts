import type { KindDefinition } from '#api/kind.ts';
import { qualified } from '../api-errors.ts';

/** Verbs of every resource, in discovery's order. */
export const resourceVerbs: readonly string[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

const proxyVerbs: readonly string[] = ['create', 'delete', 'get', 'patch', 'update'];

/** A subresource as discovery tells it. */
export interface Subresource {
  readonly name: string;
  readonly kind: string;
  /** Group and version when they are not the parent's. */
  readonly group?: string;
  readonly version?: string;
  readonly verbs: readonly string[];
}

/** The subresources that are served for a kind. */
export function subresourcesOf(kind: KindDefinition): readonly Subresource[] {
  const listed: Subresource[] = [];
  if (qualified(kind) === 'pods') {
    listed.push({ name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] });
    listed.push({ name: 'binding', kind: 'Binding', verbs: ['create'] });
    listed.push({ name: 'ephemeralcontainers', kind: 'Pod', verbs: ['get', 'patch', 'update'] });
    listed.push({ name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] });
    listed.push({ name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] });
    listed.push({ name: 'log', kind: 'Pod', verbs: ['get'] });
    listed.push({ name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] });
    listed.push({ name: 'proxy', kind: 'PodProxyOptions', verbs: proxyVerbs });
    listed.push({ name: 'resize', kind: 'Pod', verbs: ['get', 'patch', 'update'] });
  }
  if (qualified(kind) === 'services') {
    listed.push({ name: 'proxy', kind: 'ServiceProxyOptions', verbs: proxyVerbs });
  }
  if (qualified(kind) === 'serviceaccounts') {
    const group = 'authentication.k8s.io';
    listed.push({ name: 'token', kind: 'TokenRequest', group, version: 'v1', verbs: ['create'] });
  }
  if (qualified(kind) === 'certificatesigningrequests.certificates.k8s.io') {
    listed.push({ name: 'approval', kind: kind.kind, verbs: ['get', 'patch', 'update'] });
  }
  if (qualified(kind) === 'namespaces') {
    listed.push({ name: 'finalize', kind: 'Namespace', verbs: ['update'] });
  }
  if (kind.subresources?.status === true) {
    listed.push({ name: 'status', kind: kind.kind, verbs: ['get', 'patch', 'update'] });
  }
  if (kind.subresources?.scale !== undefined) {
    const verbs = ['get', 'patch', 'update'];
    listed.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs });
  }
  return listed;
}

/** Groups in the order they are served, each with its versions and their kinds. */
export function groupsOf(
  kinds: readonly KindDefinition[],
): ReadonlyMap<string, ReadonlyMap<string, readonly KindDefinition[]>> {
  const groups = new Map<string, Map<string, KindDefinition[]>>();
  for (const kind of kinds) {
    const versions = groups.get(kind.group) ?? new Map<string, KindDefinition[]>();
    groups.set(kind.group, versions);
    versions.set(kind.version, [...(versions.get(kind.version) ?? []), kind]);
  }
  return groups;
}
