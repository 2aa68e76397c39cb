/** Discovery in one answer: `APIGroupDiscoveryList`, which kubectl asks for first since 1.26. */
import type { KindDefinition } from '#api/kind.ts';
import { groupsOf, resourceVerbs, subresourcesOf } from './verbs.ts';

/** The list for `/api` (core group) or `/apis` (all others). */
export function aggregatedDiscovery(
  kinds: readonly KindDefinition[],
  core: boolean,
  version: 'v2' | 'v2beta1',
): unknown {
  const groups = [...groupsOf(kinds)].filter(([group]) => (group === '') === core);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: group === '' ? {} : { name: group },
      versions: [...versions].map(([name, served]) => ({
        version: name,
        resources: served.map(resourceBody),
        freshness: 'Current',
      })),
    })),
  };
}

function resourceBody(kind: KindDefinition): object {
  const subresources = subresourcesOf(kind).map(({ name, kind: responseKind, verbs, group, version }) => ({
    subresource: name,
    responseKind: { group: group ?? kind.group, version: version ?? kind.version, kind: responseKind },
    verbs,
  }));
  return {
    resource: kind.plural,
    responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
    scope: kind.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: kind.singular,
    verbs: kind.verbs ?? resourceVerbs,
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
    ...(subresources.length === 0 ? {} : { subresources }),
  };
}
