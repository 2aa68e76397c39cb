import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import {
  array,
  boolean,
  int32,
  int64,
  listMap,
  object,
  type Schema,
  type SchemaNode,
  string,
  type TypeOf,
  time,
} from '../schema.ts';
import { jsonSchemaProps } from './json-schema-props.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const names = object(
  {
    plural: string('The plural name of the resource to serve, all lower case.'),
    singular: string('The singular name of the resource, all lower case.'),
    kind: string('The serialized kind of the resource, in CamelCase and singular.'),
    listKind: string('The serialized kind of the list; defaults to kind followed by List.'),
    shortNames: array(string(), 'Short names for the resource, exposed in API discovery.', atomic),
    categories: array(string(), 'Grouped resources this one belongs to, such as all.', atomic),
  },
  ['plural', 'kind'],
  'The names of a custom resource.',
);

const scale = object(
  {
    specReplicasPath: string('The JSON path inside of a custom resource of the scale’s spec.replicas.'),
    statusReplicasPath: string('The JSON path inside of a custom resource of the scale’s status.replicas.'),
    labelSelectorPath: string('The JSON path inside of a custom resource of the scale’s status.selector.'),
  },
  ['specReplicasPath', 'statusReplicasPath'],
  'How the custom resource answers as an autoscaling/v1 Scale.',
);

const column = object(
  {
    name: string('A human readable name for the column.'),
    type: string('An OpenAPI type definition for the column: string, integer, number, boolean or date.'),
    format: string('An optional OpenAPI type definition for the column.'),
    description: string('A human readable description of the column.'),
    priority: int32('0 is always shown, higher only in wide output.'),
    jsonPath: string('A simple JSON path which is evaluated against each custom resource.'),
  },
  ['name', 'type', 'jsonPath'],
);

const openApiSchema: Schema<SchemaNode> = jsonSchemaProps;

const version = object(
  {
    name: string('The version name, such as v1, v2beta1.'),
    served: boolean('Whether this version is served.'),
    storage: boolean('Whether objects are stored as this version; exactly one is.'),
    deprecated: boolean('Requests to this version are answered with a warning.'),
    deprecationWarning: string('Overrides the default warning.'),
    schema: object({ openAPIV3Schema: openApiSchema }, [], 'Validation, pruning and defaulting.'),
    subresources: object({
      status: { type: 'object', description: 'The custom resource has a status subresource.' },
      scale,
    }),
    additionalPrinterColumns: array(column, 'Columns of kubectl get.', atomic),
    selectableFields: array(
      object({ jsonPath: string('A simple JSON path to a field of type string, boolean or integer.') }, [
        'jsonPath',
      ]),
      'Fields that field selectors may name.',
      atomic,
    ),
  },
  ['name', 'served', 'storage'],
);

const conversion = object(
  {
    strategy: string('How custom resources are converted between versions: None or Webhook.'),
    webhook: object(
      {
        clientConfig: object({
          url: string(),
          caBundle: string(undefined, { format: 'byte' }),
          service: object({ name: string(), namespace: string(), path: string(), port: int32() }, [
            'name',
            'namespace',
          ]),
        }),
        conversionReviewVersions: array(string(), undefined, atomic),
      },
      ['conversionReviewVersions'],
    ),
  },
  ['strategy'],
);

const schema = object(
  {
    spec: object(
      {
        group: string('The API group of the defined custom resource.'),
        names,
        scope: string('Cluster or Namespaced.'),
        versions: array(version, 'All versions of the defined custom resource.', atomic),
        conversion,
        preserveUnknownFields: boolean('Deprecated: must be false.'),
      },
      ['group', 'names', 'scope', 'versions'],
      'How the user wants the resources to appear.',
    ),
    status: object(
      {
        conditions: listMap(
          ['type'],
          object(
            {
              type: string('Established, NamesAccepted, NonStructuralSchema or Terminating.'),
              status: string('True, False or Unknown.'),
              lastTransitionTime: time('When the condition last changed.'),
              reason: string('One word for the last change.'),
              message: string('What the last change was about.'),
              observedGeneration: int64('The generation that the condition was set upon.'),
            },
            ['type', 'status'],
          ),
          'The state of the definition.',
        ),
        acceptedNames: { ...names, required: [] },
        storedVersions: array(string(), 'All versions that were ever persisted.', atomic),
        observedGeneration: int64('The generation observed by the server.'),
      },
      [],
      'The actual state of the definition.',
    ),
  },
  ['spec'],
  'CustomResourceDefinition represents a resource that should be exposed on the API server. Its name must be in the format <.spec.name>.<.spec.group>.',
);

/** A kind that a user brings. */
export type CustomResourceDefinition = KubeObject & TypeOf<typeof schema>;

/** One version of it. */
export type CustomResourceVersion = CustomResourceDefinition['spec']['versions'][number];

/** The names of `spec` or `status.acceptedNames`. */
export type CustomResourceNames = TypeOf<typeof names>;

/** Validation, names and conditions are the API server's own business: `src/apiserver/crd`. */
export const customResourceDefinition: KindDefinition<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  namespaced: false,
  builtin: true,
  schema,
  subresources: { status: true },
  columns: [
    {
      name: 'Created At',
      type: 'date',
      description: 'When the object was made.',
      value: ({ metadata }) => metadata.creationTimestamp ?? '',
    },
  ],
};
