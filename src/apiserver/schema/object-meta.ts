import { int64, listMap, map, object, type SchemaNode, setOf, string, time } from '#api/schema.ts';

const ownerReference = object(
  {
    apiVersion: string('API version of the referent.'),
    kind: string('Kind of the referent.'),
    name: string('Name of the referent.'),
    uid: string('UID of the referent.'),
    controller: {
      type: 'boolean',
      description: 'If true, this reference points to the managing controller.',
    },
    blockOwnerDeletion: {
      type: 'boolean',
      description:
        'If true, and if the owner has the "foregroundDeletion" finalizer, then the owner cannot be deleted from the key-value store until this reference is removed.',
    },
  },
  ['apiVersion', 'kind', 'name', 'uid'],
  'OwnerReference contains enough information to let you identify an owning object.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const managedFieldsEntry = object(
  {
    apiVersion: string('The version of the resource that this field set applies to.'),
    fieldsType: string('The discriminator for the different fields format and version; only "FieldsV1".'),
    fieldsV1: {
      type: 'object',
      description: 'The set of fields, in the "FieldsV1" JSON format.',
      'x-kubernetes-preserve-unknown-fields': true,
    },
    manager: string('Identifier of the workflow managing these fields.'),
    operation: string('The type of operation which led to this entry: "Apply" or "Update".'),
    subresource: string(
      'The name of the subresource used to update that object, or empty for the main resource.',
    ),
    time: time('When the entry was added, or last changed.'),
  },
  [],
  'A workflow id, a field set and the group version of the resource that the field set applies to.',
);

/** `ObjectMeta` (apimachinery `meta/v1`): fields, merge keys and texts of `metadata` of every object. */
export const objectMetaSchema: SchemaNode = object(
  {
    name: string('Name must be unique within a namespace. Cannot be updated.'),
    generateName: string(
      'A prefix used by the server to generate a unique name when the name field is empty.',
    ),
    namespace: string('The space within which each name must be unique. Cannot be updated.'),
    selfLink: string('Deprecated: a legacy read-only field that is no longer populated by the system.'),
    uid: string('The unique in time and space value for this object, set by the server on creation.'),
    resourceVersion: string('The internal version of this object, for clients to see when it has changed.'),
    generation: int64('A sequence number of a specific generation of the desired state. Read-only.'),
    creationTimestamp: time('The server time when this object was created. Read-only.'),
    deletionTimestamp: time('The time at which this resource will be deleted. Read-only.'),
    deletionGracePeriodSeconds: int64('Seconds allowed for this object to gracefully terminate. Read-only.'),
    labels: map(
      string(),
      'Keys and values that can be used to organize and categorize (scope and select) objects.',
    ),
    annotations: map(
      string(),
      'An unstructured key value map set by external tools to keep arbitrary metadata.',
    ),
    ownerReferences: listMap(
      ['uid'],
      ownerReference,
      'Objects depended by this object. When all of them are deleted, this object is garbage collected.',
    ),
    finalizers: setOf(string(), 'Must be empty before the object is deleted from the registry.'),
    managedFields: {
      type: 'array',
      items: managedFieldsEntry,
      description: 'Maps workflow id and version to the set of fields that are managed by that workflow.',
      'x-kubernetes-list-type': 'atomic',
    },
  },
  [],
  'ObjectMeta is metadata that all persisted resources must have.',
);

/** `apiVersion` as every object has it. */
export const apiVersionSchema: SchemaNode = string(
  'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values.',
);

/** `kind` as every object has it. */
export const kindSchema: SchemaNode = string(
  'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase.',
);

const metaLists: ReadonlySet<SchemaNode | undefined> = new Set([
  objectMetaSchema.properties?.['ownerReferences'],
  objectMetaSchema.properties?.['finalizers'],
]);

/** True for the lists of ObjectMeta, which upstream merges by key but does not check for duplicates. */
export function isMetaList(node: SchemaNode): boolean {
  return metaLists.has(node);
}

const roots = new WeakMap<SchemaNode, SchemaNode>();

/**
 * The schema of a whole object: `schema` with the implied `apiVersion`, `kind` and `metadata`. Also used for embedded
 * resources. What `schema` itself says of `metadata` fields (a CRD may bound the name) is kept on top.
 */
export function rootSchemaOf(schema: SchemaNode): SchemaNode {
  let root = roots.get(schema);
  if (root === undefined) {
    const own = schema.properties ?? {};
    root = {
      ...schema,
      type: 'object',
      properties: {
        apiVersion: apiVersionSchema,
        kind: kindSchema,
        ...own,
        metadata: withOwnBounds(own['metadata']),
      },
    };
    roots.set(schema, root);
  }
  return root;
}

function withOwnBounds(own: SchemaNode | undefined): SchemaNode {
  if (own?.properties === undefined) {
    return objectMetaSchema;
  }
  const properties: Record<string, SchemaNode> = { ...objectMetaSchema.properties };
  for (const [name, bounds] of Object.entries(own.properties)) {
    properties[name] = { ...properties[name], ...bounds };
  }
  return {
    ...objectMetaSchema,
    ...(own.required === undefined ? {} : { required: own.required }),
    properties,
  };
}
