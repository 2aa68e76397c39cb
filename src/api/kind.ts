import type { Cause, KubeObject } from './meta.ts';
import type { SchemaNode } from './schema.ts';

/** What a client needs to address a kind. `T` is the object's type. */
export interface KindRef<T extends KubeObject = KubeObject> {
  /** API group, `''` for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set; carries the type. */
  readonly objectType?: T;
}

/** A column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly description?: string;
  readonly format?: string;
  /** 0 = always shown, greater = `-o wide` only. */
  readonly priority?: number;
  /** JSONPath below the object, such as `.status.phase`. Builtin kinds may give `value` instead. */
  readonly jsonPath?: string;
  /** Builtin kinds only: computes the cell. */
  value?(object: KubeObject, now: Date): string | number | boolean | null;
}

/** What admission sees. `old` is the stored object on update. */
export interface AdmissionRequest<T extends KubeObject = KubeObject> {
  readonly object: T;
  readonly old?: T;
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly subresource?: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  /** Read-only view of the stored objects, for warnings that need another object. */
  lookup(kind: KindRef, name: string, namespace?: string): KubeObject | undefined;
  /** Every stored object of a kind, in one namespace or in all. */
  list(kind: KindRef, namespace?: string): readonly KubeObject[];
}

/**
 * A kind, declared once: everything else (discovery, CRD, validation, table, console list) follows from it.
 * The functions are written as methods so that a `KindDefinition<Pod>` fits in a list of `KindDefinition`.
 */
export interface KindDefinition<T extends KubeObject = KubeObject> extends KindRef<T> {
  readonly singular: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Schema of the whole object below `metadata`: `spec`, `status`, `data`, … (`apiVersion`, `kind`, `metadata` are implied). */
  readonly schema: SchemaNode;
  readonly subresources?: { readonly status?: boolean; readonly scale?: ScalePaths };
  /** Columns of `kubectl get` after Name, which the server puts first unless a column here is called Name. */
  readonly columns: readonly PrinterColumn[];
  /** Verbs that are served when not all are: reviews are created, which answers them, and never stored. */
  readonly verbs?: readonly string[];
  /** Builtin kinds take strategic merge patches and are no CRDs; all others are written to `deploy/crds`. */
  readonly builtin: boolean;
  /** Fields besides `metadata.name` and `metadata.namespace` that a field selector may name, such as `spec.nodeName`. */
  readonly selectableFields?: readonly string[];
  /** What a selector compares for those of them that are not the text at their path. */
  readonly selectableValues?: Readonly<Record<string, SelectableValue>>;
  /** Name rule of `metadata.name`; default `dns-subdomain`. */
  readonly nameRule?: 'dns-subdomain' | 'dns-label' | 'dns-1035-label' | 'path-segment';
  /** Longest name allowed, when shorter than the rule's. */
  readonly maxNameLength?: number;
  /** Told in a `Warning:` header of every request for the kind, reads too. */
  readonly deprecation?: string;
  /** The kind shows objects of another one, under other names. */
  readonly storedAs?: StoredAs;
  /** Defaults that a schema cannot say (pure; returns the object, changed or not). Runs after schema defaulting. */
  mutate?(request: AdmissionRequest<T>): T;
  /** Cross-field rules that CEL cannot say. Each cause refuses the request (422). */
  validate?(request: AdmissionRequest<T>): readonly Cause[];
  /** What upstream finds out late: told in a `Warning:` header, the request goes on. */
  warn?(request: AdmissionRequest<T>): readonly string[];
}

/** Where a selectable field is read. Go knows no absent numbers and booleans: they count as 0 and false. */
export interface SelectableValue {
  /** Where the value is, when not at the field's own path. */
  readonly path?: string;
  /** Text of an absent value; default empty. */
  readonly absent: string;
}

/** How objects of a kind are kept as another one's. `apiVersion` and `kind` are changed by the server. */
export interface StoredAs {
  readonly kind: KindRef;
  toStored(object: KubeObject): KubeObject;
  fromStored(stored: KubeObject): KubeObject;
}

/** Paths of the scale subresource, as in a CRD. */
export interface ScalePaths {
  readonly specReplicasPath: string;
  readonly statusReplicasPath: string;
  readonly labelSelectorPath?: string;
}

/** `apiVersion` of a kind: `v1`, `kubevirt.io/v1`. */
export function apiVersionOf(kind: Pick<KindRef, 'group' | 'version'>): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}
