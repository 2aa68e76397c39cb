import type { SchemaNode } from '#api/schema.ts';

/** Being written: strategic merge patch by `x-kubernetes-patch-merge-key` and `-strategy`. `schema` is the kind's schema. */
export declare function applyStrategicMergePatch(doc: unknown, patch: unknown, schema: SchemaNode): unknown;
