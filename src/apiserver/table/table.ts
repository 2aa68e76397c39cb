import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';

/** How {@link toTable} is to answer. */
export interface TableOptions {
  readonly resourceVersion?: string | undefined;
  readonly continue?: string | undefined;
  readonly remainingItemCount?: number | undefined;
  /** What each row carries of its object; default `Metadata`. */
  readonly includeObject?: 'Metadata' | 'None' | 'Object' | undefined;
  /** For ages. */
  readonly now: Date;
}

/** Being written: objects as a `meta.k8s.io/v1` Table. */
export declare function toTable(
  kind: KindDefinition,
  objects: readonly KubeObject[],
  options: TableOptions,
): Readonly<Record<string, unknown>>;
