import type { KindDefinition } from '#api/kind.ts';
import { DEFINITIONS, type Json, kindComponents, scaleComponents, sharedComponents } from './components.ts';
import { apiVersion } from './info.ts';
import { type Operation, operationsOf, QUERY } from './paths.ts';
import { sameKinds, tagOf } from './v3.ts';

let cached: { readonly kinds: readonly KindDefinition[]; readonly value: Json } | undefined;

/** The body of `GET /openapi/v2` as JSON: Swagger 2 of every kind in one document. */
export function openApiV2(kinds: readonly KindDefinition[]): Json {
  if (cached === undefined || !sameKinds(cached.kinds, kinds)) {
    cached = { kinds: [...kinds], value: documentOf(kinds) };
  }
  return cached.value;
}

function documentOf(kinds: readonly KindDefinition[]): Json {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of kinds.flatMap(operationsOf)) {
    const item = paths[operation.path] ?? { parameters: operation.pathParameters.map(pathParameter) };
    item[operation.method] = operationV2(operation);
    paths[operation.path] = item;
  }
  const definitions: Record<string, unknown> = {};
  for (const components of [
    sharedComponents,
    scaleComponents,
    ...kinds.map((kind) => kindComponents(kind, DEFINITIONS)),
  ]) {
    for (const [name, schema] of Object.entries(components)) {
      definitions[name] = toSwagger(schema);
    }
  }
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: apiVersion },
    paths,
    definitions,
    securityDefinitions: {
      BearerToken: {
        type: 'apiKey',
        name: 'authorization',
        in: 'header',
        description: 'Bearer Token authentication',
      },
    },
    security: [{ BearerToken: [] }],
  };
}

function operationV2(operation: Operation): Json {
  const reference = (component: string) => ({ $ref: `${DEFINITIONS}${component}` });
  const body =
    operation.body === undefined
      ? []
      : [{ name: 'body', in: 'body', required: true, schema: reference(operation.body) }];
  return {
    tags: [tagOf(operation)],
    description: operation.description,
    operationId: operation.id,
    consumes: operation.bodyTypes,
    produces: ['application/json', 'application/yaml'],
    schemes: ['https'],
    parameters: [
      ...body,
      ...operation.query.map((name) => {
        const [type, description] = QUERY[name] ?? ['string', ''];
        return { name, in: 'query', description, type, uniqueItems: true };
      }),
    ],
    responses: {
      '200': { description: 'OK', schema: reference(operation.answer) },
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  };
}

function pathParameter(name: string): Json {
  return { name, in: 'path', required: true, type: 'string', uniqueItems: true };
}

/** Swagger 2 does not know `nullable`; nothing below a node that keeps unknown fields is published, as upstream does. */
function toSwagger(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(toSwagger);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const { nullable, ...node } = value as Record<string, unknown>;
  if (typeof nullable !== 'boolean' && nullable !== undefined) {
    node['nullable'] = nullable; // a property of this name, not the keyword
  }
  if (node['x-kubernetes-preserve-unknown-fields'] === true) {
    delete node['properties'];
    delete node['items'];
  }
  return Object.fromEntries(
    Object.entries(node).map(([name, child]) => [
      name,
      name === 'default' || name === 'enum' ? child : toSwagger(child),
    ]),
  );
}
