/** What the server knows of a kind that came as a CustomResourceDefinition, besides what every kind declares. */
import {
  type CustomResourceDefinition,
  type CustomResourceVersion,
  customResourceDefinition,
} from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { KindDefinition, PrinterColumn } from '#api/kind.ts';
import type { SchemaNode } from '#api/schema.ts';
import { qualified } from '../api-errors.ts';

/** Where the store keeps definitions. */
export const definitionResource = qualified(customResourceDefinition);

/** One served version. */
export interface CustomVersion {
  readonly listKind: string;
  /** The version that objects are stored in. */
  readonly storageVersion: string;
  /** Objects written before this revision may lack defaults, or have fields, by a schema that was changed since. */
  readonly since: number;
  /** Told to everybody who uses the version. */
  readonly deprecation: string | undefined;
}

const versions = new WeakMap<KindDefinition, CustomVersion>();
const terminating = new WeakSet<KindDefinition>();

/** Undefined for kinds that are compiled in. */
export function customVersionOf(kind: KindDefinition): CustomVersion | undefined {
  return versions.get(kind);
}

/** True while the kind's definition is being deleted: nothing new may be made. */
export function isTerminating(kind: KindDefinition): boolean {
  return terminating.has(kind);
}

/** Marks a kind whose definition is being deleted. */
export function markTerminating(kind: KindDefinition): void {
  terminating.add(kind);
}

/** The kinds, one per served version, of an established definition; `since` as in {@link CustomVersion}. */
export function kindsOf(definition: CustomResourceDefinition, since: number): KindDefinition[] {
  const { spec } = definition;
  const storageVersion = spec.versions.find((version) => version.storage)?.name ?? '';
  return spec.versions
    .filter((version) => version.served)
    .map((version) => {
      const kind = kindOf(definition, version);
      const { kind: word, listKind = `${word}List` } = spec.names;
      const usual = `${spec.group}/${version.name} ${word} is deprecated`;
      const deprecation = version.deprecated === true ? (version.deprecationWarning ?? usual) : undefined;
      versions.set(kind, { listKind, storageVersion, since, deprecation });
      return kind;
    });
}

function kindOf({ spec, status }: CustomResourceDefinition, version: CustomResourceVersion): KindDefinition {
  const names = { ...spec.names, ...status?.acceptedNames };
  const { selectableFields = [], subresources } = version;
  const { shortNames = [], categories = [] } = names;
  return {
    group: spec.group,
    version: version.name,
    kind: names.kind,
    plural: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    namespaced: spec.scope === 'Namespaced',
    builtin: false,
    nameRule: 'dns-subdomain',
    schema: schemaNode(version.schema?.openAPIV3Schema ?? {}),
    subresources: {
      ...(subresources?.status === undefined ? {} : { status: true }),
      ...(subresources?.scale === undefined ? {} : { scale: subresources.scale }),
    } as NonNullable<KindDefinition['subresources']>,
    columns: (version.additionalPrinterColumns ?? []) as readonly PrinterColumn[],
    selectableFields: selectableFields.map(({ jsonPath }) => jsonPath.replace(/^\./, '')),
  };
}

/** A structural schema as the walk takes it: `additionalProperties: true` is a value of any shape. */
export function schemaNode(given: SchemaNode): SchemaNode {
  const { properties, items, additionalProperties, ...rest } = given;
  const free: unknown = additionalProperties;
  return {
    ...rest,
    ...(items === undefined ? {} : { items: schemaNode(items) }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, child]) => [name, schemaNode(child)]),
          ),
        }),
    ...(free === true ? { additionalProperties: { 'x-kubernetes-preserve-unknown-fields': true } } : {}),
    ...(additionalProperties === undefined || typeof free === 'boolean'
      ? {}
      : { additionalProperties: schemaNode(additionalProperties) }),
  };
}
