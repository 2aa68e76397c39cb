/** Discovery in its first form: `/api`, `/apis`, `/apis/GROUP`, `/api/v1`, `/apis/GROUP/VERSION`. */
import type { KindDefinition } from '#api/kind.ts';
import { groupsOf, resourceVerbs, subresourcesOf } from './verbs.ts';

/** `GET /api`. */
export function apiVersions(serverAddress: string): unknown {
  return {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `GET /apis`. */
export function apiGroupList(kinds: readonly KindDefinition[]): unknown {
  const groups = [...groupsOf(kinds).keys()].filter((group) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: groups.map((group) => groupBody(kinds, group)) };
}

/** `GET /apis/GROUP`; undefined when the group is not served. */
export function apiGroup(kinds: readonly KindDefinition[], group: string): unknown {
  return kinds.some((kind) => kind.group === group)
    ? { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(kinds, group) }
    : undefined;
}

function groupBody(kinds: readonly KindDefinition[], group: string): object {
  const versions = [...(groupsOf(kinds).get(group)?.keys() ?? [])].map((version) => ({
    groupVersion: `${group}/${version}`,
    version,
  }));
  return { name: group, versions, preferredVersion: versions[0] };
}

/** `GET /api/v1` or `/apis/GROUP/VERSION`; undefined when nothing is served there. */
export function apiResourceList(kinds: readonly KindDefinition[], group: string, version: string): unknown {
  const served = groupsOf(kinds).get(group)?.get(version);
  if (served === undefined) {
    return undefined;
  }
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: served.flatMap(resourceBodies),
  };
}

function resourceBodies(kind: KindDefinition): readonly object[] {
  const { namespaced, plural, singular } = kind;
  const main = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: kind.verbs ?? resourceVerbs,
    ...(kind.shortNames === undefined ? {} : { shortNames: kind.shortNames }),
    ...(kind.categories === undefined ? {} : { categories: kind.categories }),
  };
  const others = subresourcesOf(kind).map(({ name, verbs, kind: responseKind, group, version }) => ({
    name: `${plural}/${name}`,
    singularName: '',
    namespaced,
    ...(group === undefined ? {} : { group }),
    ...(version === undefined ? {} : { version }),
    kind: responseKind,
    verbs,
  }));
  return [main, ...others];
}
