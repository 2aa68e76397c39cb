import type { KindDefinition } from '#api/kind.ts';
import type { Cause, KubeObject } from '#api/meta.ts';
import type { SchemaNode } from '#api/schema.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { hasRules, validateRules } from '../cel/rules.ts';
import { cause } from './causes.ts';
import { validateMetaOnCreate, validateMetaOnUpdate } from './metadata.ts';
import { rootSchemaOf } from './object-meta.ts';
import { validateScale } from './scale.ts';
import { type WalkContext, walk } from './walk.ts';

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

const UNCHECKED =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/**
 * Prunes, defaults and validates an object by its kind's schema: structure, `metadata`, scale paths, and CEL rules when the
 * structure is sound. `kind.mutate` and `kind.validate` are the caller's.
 * @throws PatchbayError `BadRequest` when `object` is no JSON object.
 */
export function processObject(kind: KindDefinition, object: unknown, options: ProcessOptions): Processed {
  const fields = requireFields(object, `a ${kind.kind} must be an object`);
  const { old } = options;
  const root = rootSchemaOf(kind.schema);
  const unknown: string[] | undefined = options.fieldValidation === 'Ignore' ? undefined : [];
  const context: WalkContext = { causes: [], unknown, builtin: kind.builtin, blocked: false };

  const complete = Object.hasOwn(fields, 'metadata') ? fields : { ...fields, metadata: {} };
  const result = walk(root, complete, '', old, context) as KubeObject;
  const sound = !(context.blocked && context.causes.some(({ field }) => field.startsWith('metadata')));
  if (sound && options.operation === 'CREATE') {
    validateMetaOnCreate(kind, result.metadata, context.causes);
  } else if (sound) {
    validateMetaOnUpdate(result.metadata, old?.metadata ?? result.metadata, context.causes);
  }
  if (!kind.builtin && kind.subresources?.scale !== undefined) {
    validateScale(kind.subresources.scale, result as unknown as Record<string, unknown>, context.causes);
  }
  if (hasRules(root)) {
    checkRules(root, result, options, context);
  }
  return { object: result, causes: context.causes, unknownFields: (unknown ?? []).toSorted() };
}

function checkRules(
  root: SchemaNode,
  object: KubeObject,
  options: ProcessOptions,
  context: WalkContext,
): void {
  if (!context.blocked) {
    context.causes.push(
      ...validateRules(root, object, options.operation === 'UPDATE' ? options.old : undefined),
    );
  } else if (!context.builtin) {
    context.causes.push(cause('FieldValueInvalid', '<nil>', UNCHECKED, null));
  }
}

function requireFields(value: unknown, message: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PatchbayError('BadRequest', message, { retryable: false });
  }
  return value as Record<string, unknown>;
}
