import type { KindDefinition } from '#api/kind.ts';
import type { SchemaNode } from '#api/schema.ts';
import { array, boolean, int32, int64, map, object, string } from '#api/schema.ts';
import { apiVersionSchema, kindSchema, objectMetaSchema } from '../schema/object-meta.ts';

/** A piece of an OpenAPI document. */
export type Json = Readonly<Record<string, unknown>>;

const META_PACKAGE = 'io.k8s.apimachinery.pkg.apis.meta.v1';

const listMeta = object(
  {
    continue: string(
      'Set if the user set a limit and there is more data available: what to ask for the next chunk with.',
    ),
    remainingItemCount: int64(
      'The number of subsequent items in the list which are not included in this response.',
    ),
    resourceVersion: string('The server’s internal version of this list.'),
    selfLink: string('Deprecated: a legacy read-only field that is no longer populated by the system.'),
  },
  [],
  'ListMeta describes metadata that synthetic resources must have, including lists and various status objects.',
);

const status = object(
  {
    apiVersion: apiVersionSchema,
    kind: kindSchema,
    metadata: listMeta,
    status: string('"Success" or "Failure".'),
    message: string('A human-readable description of the status of this operation.'),
    reason: string('A machine-readable description of why this operation is in the "Failure" status.'),
    code: int32('Suggested HTTP return code for this status.'),
    details: object(
      {
        name: string('The name attribute of the resource associated with the status.'),
        group: string('The group attribute of the resource associated with the status.'),
        kind: string('The kind attribute of the resource associated with the status.'),
        uid: string('UID of the resource.'),
        retryAfterSeconds: int32('Seconds before the operation should be retried.'),
        causes: array(
          object({
            field: string('The field of the resource that has caused this error.'),
            message: string('A human-readable description of the cause of the error.'),
            reason: string('A machine-readable description of the cause of the error.'),
          }),
        ),
      },
      [],
      'Extended data associated with the reason.',
    ),
  },
  [],
  "Status is a return value for calls that don't return other objects.",
);

const deleteOptions = object(
  {
    apiVersion: apiVersionSchema,
    kind: kindSchema,
    dryRun: array(
      string(),
      'When present, indicates that modifications should not be persisted; only "All" is valid.',
    ),
    gracePeriodSeconds: int64('The duration in seconds before the object should be deleted.'),
    orphanDependents: boolean('Deprecated: use propagationPolicy.'),
    preconditions: object({
      resourceVersion: string('Specifies the target resourceVersion.'),
      uid: string('Specifies the target UID.'),
    }),
    propagationPolicy: string(
      'Whether and how garbage collection will be performed: Orphan, Background or Foreground.',
    ),
  },
  [],
  'DeleteOptions may be provided when deleting an API object.',
);

/** Components that every document has. */
export const sharedComponents: Readonly<Record<string, Json>> = {
  [`${META_PACKAGE}.ObjectMeta`]: published(objectMetaSchema),
  [`${META_PACKAGE}.ListMeta`]: published(listMeta),
  [`${META_PACKAGE}.Status`]: {
    ...published(status),
    'x-kubernetes-group-version-kind': [{ group: '', kind: 'Status', version: 'v1' }],
  },
  [`${META_PACKAGE}.DeleteOptions`]: published(deleteOptions),
  [`${META_PACKAGE}.Patch`]: {
    description: 'Patch is provided to give a concrete name and type to the Kubernetes PATCH request body.',
    type: 'object',
  },
};

/** The scale subresource's object. */
export const scaleComponents: Readonly<Record<string, Json>> = {
  'io.k8s.api.autoscaling.v1.Scale': {
    ...published(
      object(
        {
          apiVersion: apiVersionSchema,
          kind: kindSchema,
          metadata: map(string()),
          spec: object({ replicas: int32('The desired number of instances for the scaled object.') }),
          status: object({
            replicas: int32('The actual number of observed instances of the scaled object.'),
            selector: string('The label query over instances that should match the replicas count.'),
          }),
        },
        [],
        'Scale represents a scaling request for a resource.',
      ),
    ),
    'x-kubernetes-group-version-kind': [{ group: 'autoscaling', kind: 'Scale', version: 'v1' }],
  },
};

/** The name under which a kind stands among the components. */
export function componentName(kind: Pick<KindDefinition, 'group' | 'version' | 'kind' | 'builtin'>): string {
  const { group, version } = kind;
  if (kind.builtin) {
    return `io.k8s.api.${group === '' ? 'core' : (group.split('.')[0] ?? group)}.${version}.${kind.kind}`;
  }
  return `${group.split('.').toReversed().join('.')}.${version}.${kind.kind}`;
}

/** Group, version and kind, as the extension has them. */
export function gvk(kind: Pick<KindDefinition, 'group' | 'version' | 'kind'>): Json {
  return { group: kind.group, kind: kind.kind, version: kind.version };
}

/** The components of one kind: itself and its list. `prefix` is where references point. */
export function kindComponents(kind: KindDefinition, prefix: string): Readonly<Record<string, Json>> {
  const name = componentName(kind);
  const own = published(kind.schema);
  const metadata = {
    description: "Standard object's metadata.",
    ...referenceTo(prefix, `${META_PACKAGE}.ObjectMeta`),
  };
  return {
    [name]: {
      ...own,
      type: 'object',
      properties: {
        apiVersion: published(apiVersionSchema),
        kind: published(kindSchema),
        ...((own['properties'] ?? {}) as Json),
        metadata,
      },
      'x-kubernetes-group-version-kind': [gvk(kind)],
    },
    [`${name}List`]: {
      description: `${kind.kind}List is a list of ${kind.kind}`,
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: published(apiVersionSchema),
        kind: published(kindSchema),
        metadata: {
          description: 'Standard list metadata.',
          ...referenceTo(prefix, `${META_PACKAGE}.ListMeta`),
        },
        items: {
          description: `List of ${kind.plural}.`,
          type: 'array',
          items: referenceTo(prefix, name),
        },
      },
      'x-kubernetes-group-version-kind': [{ ...gvk(kind), kind: `${kind.kind}List` }],
    },
  };
}

/** OpenAPI 3 wraps a reference that has a description beside it; Swagger 2 takes it as it is. */
function referenceTo(prefix: string, name: string): Json {
  return prefix === DEFINITIONS ? { $ref: `${prefix}${name}` } : { allOf: [{ $ref: `${prefix}${name}` }] };
}

export const COMPONENTS = '#/components/schemas/';
export const DEFINITIONS = '#/definitions/';

/** Stands where a schema that describes itself comes round again. */
const AGAIN: Json = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/**
 * A structural schema as it is published: the same words, embedded resources with their implied fields. `above` are the
 * properties that lead here, so that a schema that describes itself ends.
 */
export function published(node: SchemaNode, above: readonly unknown[] = []): Json {
  const { properties, items, additionalProperties, ...rest } = node;
  if (properties !== undefined && above.includes(properties)) {
    return AGAIN;
  }
  const below = properties === undefined ? above : [...above, properties];
  const embedded: Readonly<Record<string, SchemaNode>> =
    node['x-kubernetes-embedded-resource'] === true ? { apiVersion: apiVersionSchema, kind: kindSchema } : {};
  const fields = { ...embedded, ...properties };
  return {
    ...rest,
    ...(Object.keys(fields).length === 0
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(fields).map(([name, child]) => [name, published(child, below)]),
          ),
        }),
    ...(items === undefined ? {} : { items: published(items, below) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: published(additionalProperties, below) }),
  };
}
