import type { SchemaNode } from '#api/schema.ts';

/** One entry of `metadata.managedFields`. */
export interface ManagedFieldsEntry {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: 'FieldsV1';
  readonly fieldsV1: FieldsV1;
  readonly subresource?: string;
}

/** A set of fields: keys `f:<name>`, `k:{"key":"value"}`, `v:<value>`, `i:<index>`, and `.` for the item itself. */
export interface FieldsV1 {
  readonly [element: string]: FieldsV1;
}

/** A server-side apply request. Nothing given is changed. */
export interface ApplyRequest {
  /** The stored object; absent when the request creates it. */
  readonly live?: Readonly<Record<string, unknown>> | undefined;
  /** What the client sent, as it stands in its manifest. */
  readonly applied: Readonly<Record<string, unknown>>;
  readonly manager: string;
  readonly force: boolean;
  /** `KindDefinition.schema`. */
  readonly schema: SchemaNode;
  readonly subresource?: string | undefined;
  readonly apiVersion: string;
  readonly now: Date;
}

/** A field that another manager owns with another value. */
export interface ApplyConflict {
  /** The owner as upstream words it: `"kubectl" using v1`, `"one"`. */
  readonly manager: string;
  /** Path as upstream writes it: `.spec.replicas`, `.spec.parts[name="left"].weight`. */
  readonly field: string;
}

/** `object` is the merged object with new `metadata.managedFields`; it must not be stored when there are conflicts. */
export interface ApplyResult {
  readonly object: Record<string, unknown>;
  readonly conflicts: readonly ApplyConflict[];
}

/** An ordinary write whose owner is to be recorded. */
export interface UpdateRequest {
  /** The stored object; absent on create. */
  readonly before?: Readonly<Record<string, unknown>> | undefined;
  /** The object about to be stored. */
  readonly after: Readonly<Record<string, unknown>>;
  readonly manager: string;
  readonly schema: SchemaNode;
  readonly apiVersion: string;
  readonly subresource?: string | undefined;
  readonly now: Date;
}
