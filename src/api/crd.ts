/** A kind as a CustomResourceDefinition (apiextensions.k8s.io/v1). */
import type { KindDefinition, PrinterColumn } from './kind.ts';
import type { SchemaNode } from './schema.ts';

/** A manifest: plain JSON. */
export type Manifest = Readonly<Record<string, unknown>>;

/** The CustomResourceDefinition of a kind that is not builtin; deterministic. */
export function customResourceDefinition(kind: KindDefinition): Manifest {
  const { group, version, plural, singular, shortNames, categories, namespaced } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: namespaced ? 'Namespaced' : 'Cluster',
      names: {
        plural,
        singular,
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        ...(shortNames === undefined ? {} : { shortNames }),
        ...(categories === undefined ? {} : { categories }),
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: rootSchema(kind) },
          ...subresources(kind),
          ...(kind.columns.length === 0 ? {} : { additionalPrinterColumns: kind.columns.map(printerColumn) }),
          ...(kind.selectableFields === undefined
            ? {}
            : { selectableFields: kind.selectableFields.map((field) => ({ jsonPath: `.${field}` })) }),
        },
      ],
    },
  };
}

function rootSchema({ schema, kind }: KindDefinition): Manifest {
  const { properties, ...rest } = structural(schema) as { readonly properties?: Manifest };
  return {
    ...rest,
    properties: {
      apiVersion: { type: 'string', description: `Version of the ${kind}'s API, <group>/<version>.` },
      kind: { type: 'string', description: `Always ${kind}.` },
      metadata: { type: 'object' },
      ...properties,
    },
  };
}

/** Without the words that only builtin kinds know: a real API server refuses or drops them. */
function structural(schema: SchemaNode): Manifest {
  const { properties, items, additionalProperties, ...rest } = schema;
  const kept = Object.entries(rest).filter(
    ([key, value]) => value !== undefined && !key.startsWith('x-kubernetes-patch-'),
  );
  return {
    ...Object.fromEntries(kept),
    ...(items === undefined ? {} : { items: structural(items) }),
    ...(additionalProperties === undefined ? {} : { additionalProperties: structural(additionalProperties) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, value]) => [key, structural(value)] as const),
          ),
        }),
  };
}

function subresources({ subresources: declared }: KindDefinition): Manifest {
  if (declared === undefined) return {};
  return {
    subresources: {
      ...(declared.status === true ? { status: {} } : {}),
      ...(declared.scale === undefined ? {} : { scale: declared.scale }),
    },
  };
}

function printerColumn({ name, type, description, format, priority, jsonPath }: PrinterColumn): Manifest {
  if (jsonPath === undefined) throw new TypeError(`column ${name} of a custom resource needs a jsonPath`);
  return {
    name,
    type,
    ...(description === undefined ? {} : { description }),
    ...(format === undefined ? {} : { format }),
    ...(priority === undefined ? {} : { priority }),
    jsonPath,
  };
}
