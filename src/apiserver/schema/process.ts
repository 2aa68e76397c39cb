import type { KindDefinition } from '#api/kind.ts';
import type { Cause, KubeObject } from '#api/meta.ts';

/** How {@link processObject} is to treat an object. */
export interface ProcessOptions {
  readonly operation: 'CREATE' | 'UPDATE';
  /** The stored object, on UPDATE. */
  readonly old?: KubeObject | undefined;
  readonly fieldValidation: 'Strict' | 'Warn' | 'Ignore';
  readonly subresource?: string | undefined;
}

/** What {@link processObject} made of an object. */
export interface Processed {
  /** Defaulted and pruned; shares unchanged parts with the input, which stays as it is. */
  readonly object: KubeObject;
  /** Why the object must be refused (422); empty when it is good. `message` is the whole `causes[].message` of upstream. */
  readonly causes: readonly Cause[];
  /** Sorted paths of pruned fields (`spec.foo[0].bar`); empty when `fieldValidation` is Ignore. */
  readonly unknownFields: readonly string[];
}

/** Being written: prunes, defaults and validates an object by its kind's schema. Does not call `kind.mutate` or `kind.validate`. */
export declare function processObject(kind: KindDefinition, object: unknown, options: ProcessOptions): Processed;
