import { createHash } from 'node:crypto';
import type { KindDefinition } from '#api/kind.ts';
import {
  COMPONENTS,
  type Json,
  kindComponents,
  published,
  scaleComponents,
  sharedComponents,
} from './components.ts';
import { apiVersion } from './info.ts';
import { basePath, type Operation, operationsOf, QUERY } from './paths.ts';

/** Changes when the same kinds give another document, so that clients' caches are dropped. */
const DOCUMENT_REVISION = 1;

interface Cached<T> {
  readonly kinds: readonly KindDefinition[];
  readonly value: T;
}

let index: Cached<Json> | undefined;
const documents = new Map<string, Cached<Json>>();

/** The body of `GET /openapi/v3`: where each group version's document is, with a hash that changes with it. */
export function openApiV3Index(kinds: readonly KindDefinition[]): Json {
  if (index === undefined || !sameKinds(index.kinds, kinds)) {
    const byPath = Map.groupBy(kinds, (kind) => basePath(kind).slice(1));
    const paths = [...byPath].map(([path, group]) => [
      path,
      { serverRelativeURL: `/openapi/v3/${path}?hash=${hashOf(group)}` },
    ]);
    index = { kinds: [...kinds], value: { paths: Object.fromEntries(paths) } };
  }
  return index.value;
}

/**
 * The body of `GET /openapi/v3/api/v1` or `/openapi/v3/apis/<group>/<version>`: schemas and paths of one group version, as far
 * as `kubectl explain`, `apply` and `--validate` read them. Undefined when nothing is served there.
 */
export function openApiV3Document(
  kinds: readonly KindDefinition[],
  group: string,
  version: string,
): Json | undefined {
  const served = kinds.filter((kind) => kind.group === group && kind.version === version);
  if (served.length === 0) {
    return undefined;
  }
  const key = `${group}/${version}`;
  let cached = documents.get(key);
  if (cached === undefined || !sameKinds(cached.kinds, served)) {
    cached = { kinds: served, value: documentOf(served) };
    documents.set(key, cached);
  }
  return cached.value;
}

function documentOf(kinds: readonly KindDefinition[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of kinds.flatMap(operationsOf)) {
    const item = paths[operation.path] ?? { parameters: operation.pathParameters.map(pathParameter) };
    item[operation.method] = operationV3(operation);
    paths[operation.path] = item;
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: apiVersion },
    paths,
    components: {
      schemas: Object.assign(
        {},
        sharedComponents,
        kinds.some((kind) => kind.subresources?.scale !== undefined) ? scaleComponents : {},
        ...kinds.map((kind) => kindComponents(kind, COMPONENTS)),
      ),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          name: 'authorization',
          in: 'header',
          description: 'Bearer Token authentication',
        },
      },
    },
  };
}

function operationV3(operation: Operation): Json {
  const { body, bodyTypes, answer } = operation;
  const contentOf = (types: readonly string[], component: string) =>
    Object.fromEntries(types.map((type) => [type, { schema: { $ref: `${COMPONENTS}${component}` } }]));
  return {
    tags: [tagOf(operation)],
    description: operation.description,
    operationId: operation.id,
    parameters: operation.query.map((name) => queryParameter(name)),
    ...(body === undefined ? {} : { requestBody: { content: contentOf(bodyTypes, body), required: true } }),
    responses: {
      '200': { description: 'OK', content: contentOf(['application/json', 'application/yaml'], answer) },
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  };
}

/** `core_v1`, `kubevirt_v1`. */
export function tagOf(operation: Operation): string {
  const [, root, first = '', second = ''] = operation.path.split('/');
  return root === 'api' ? `core_${first}` : `${first.split('.')[0]}_${second}`;
}

function queryParameter(name: string): Json {
  const [type, description] = QUERY[name] ?? ['string', ''];
  return { name, in: 'query', description, schema: { type, uniqueItems: true } };
}

function pathParameter(name: string): Json {
  const description =
    name === 'name' ? 'name of the object' : 'object name and auth scope, such as for teams and projects';
  return { name, in: 'path', description, required: true, schema: { type: 'string', uniqueItems: true } };
}

/** True when both lists hold the same definitions, which never change themselves. */
export function sameKinds(a: readonly KindDefinition[], b: readonly KindDefinition[]): boolean {
  return a.length === b.length && a.every((kind, at) => kind === b[at]);
}

function hashOf(kinds: readonly KindDefinition[]): string {
  const words = kinds.map(({ kind, plural, namespaced, builtin, schema, subresources }) => [
    kind,
    plural,
    namespaced,
    builtin,
    published(schema),
    subresources,
  ]);
  return createHash('sha256')
    .update(JSON.stringify([DOCUMENT_REVISION, words]))
    .digest('hex')
    .toUpperCase();
}
