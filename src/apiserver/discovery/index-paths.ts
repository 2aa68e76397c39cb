import type { KindDefinition } from '#api/kind.ts';
import { groupsOf } from './verbs.ts';

const plainPaths = [
  '/.well-known/openid-configuration',
  '/api',
  '/apis',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

/** `GET /`: what there is to ask for, sorted. */
export function pathsOf(kinds: readonly KindDefinition[]): readonly string[] {
  const served = [...groupsOf(kinds)].flatMap(([group, versions]) => {
    const root = group === '' ? '/api' : `/apis/${group}`;
    return [...(group === '' ? [] : [root]), ...[...versions.keys()].map((version) => `${root}/${version}`)];
  });
  return [...plainPaths, ...served].toSorted((a, b) => (a < b ? -1 : 1));
}
