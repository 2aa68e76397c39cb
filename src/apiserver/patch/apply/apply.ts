import type { SchemaNode } from '#api/schema.ts';
import { PatchbayError, type StatusBody } from '#machinery/errors.ts';
import { rootSchemaOf } from '../../schema/object-meta.ts';
import { compare, fieldsOf, ownable } from './compare.ts';
import { FieldSet } from './field-set.ts';
import { type Manager, managerId, readManagers, stamp, writeManagers } from './managers.ts';
import { mergeApplied, pruneDropped } from './merge.ts';
import { type Fields, isFields } from './structure.ts';
import type { ApplyConflict, ApplyRequest, ApplyResult, ManagedFieldsEntry, UpdateRequest } from './types.ts';

/** Owner of everything in an object that nobody was recorded for when it is first applied to. */
const BEFORE_FIRST_APPLY = 'before-first-apply';

/**
 * Server-side apply: merges `applied` into `live`, removes what this manager named before and nobody names now, and records
 * the owners. Pure. Applying the same again gives the same object. What the request may not set (`status` of the main
 * resource, everything else of the status subresource) must have been taken out of `applied`; the result is to be defaulted
 * and validated as in any other write. After {@link ApplyConflict}s without `force` the result must not be stored.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 * @throws PatchbayError `BadRequest` when `applied` has `metadata.managedFields`.
 */
export function serverSideApply(request: ApplyRequest): ApplyResult {
  const root = rootSchemaOf(request.schema);
  const { live, applied, force } = request;
  const appliedMeta = applied['metadata'];
  if (
    isFields(appliedMeta) &&
    Array.isArray(appliedMeta['managedFields']) &&
    appliedMeta['managedFields'].length > 0
  ) {
    throw new PatchbayError('BadRequest', 'metadata.managedFields must be nil', { retryable: false });
  }
  const managers = readManagers(live);
  if (live !== undefined && managers.size === 0) {
    adopt(managers, root, live, request.apiVersion);
  }
  const { manager, apiVersion, subresource } = request;
  const self = { manager, operation: 'Apply', apiVersion, subresource } as const;
  const id = managerId(self);
  const last = managers.get(id);
  const fields = fieldsOf(root, ownable(applied));
  managers.set(id, {
    ...self,
    fields,
    time: last?.fields.equals(fields) === true ? last.time : stamp(request.now),
  });

  let object = mergeApplied(root, live, applied) as Fields;
  if (last !== undefined) {
    const kept = [...managers.values()].reduce((all, { fields: some }) => all.union(some), new FieldSet());
    object = pruneDropped(root, object, last.fields, kept);
  }
  const { added, modified, removed } = compare(root, ownable(live ?? {}), ownable(object));
  const changed = added.union(modified);
  const conflicts = force ? [] : conflictsOf(managers, id, changed);
  giveUp(managers, id, changed, removed);
  return { object: withManagers(object, writeManagers(managers)), conflicts };
}

/**
 * `metadata.managedFields` after an ordinary write: `manager` owns what it added and changed, others lose that and what is
 * gone. Returns the stored list when nothing changed; undefined when nobody owns anything.
 */
export function updateManagedFields(request: UpdateRequest): readonly ManagedFieldsEntry[] | undefined {
  const { before, after, manager, apiVersion, subresource } = request;
  const root = rootSchemaOf(request.schema);
  const { added, modified, removed } = compare(root, ownable(before ?? {}), ownable(after));
  if (before !== undefined && added.isEmpty && modified.isEmpty && removed.isEmpty) {
    return (before['metadata'] as { managedFields?: readonly ManagedFieldsEntry[] } | undefined)
      ?.managedFields;
  }
  const managers = readManagers(before);
  const self = { manager, operation: 'Update', apiVersion, subresource } as const;
  const id = managerId(self);
  const changed = modified.isEmpty ? added : added.union(modified);
  const last = managers.get(id);
  const fields = last === undefined ? changed : last.fields.difference(removed).union(changed);
  managers.set(id, {
    ...self,
    fields,
    time: last?.fields.equals(fields) === true ? last.time : stamp(request.now),
  });
  giveUp(managers, id, changed, removed);
  const entries = writeManagers(managers);
  return entries.length === 0 ? undefined : entries;
}

/** The 409 `Status` of conflicts, in upstream's words. */
export function conflictStatus(conflicts: readonly ApplyConflict[]): StatusBody {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: conflictMessage(conflicts),
    reason: 'Conflict',
    details: {
      causes: conflicts.map(({ manager, field }) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with ${manager}`,
        field,
      })),
    },
    code: 409,
  };
}

function conflictMessage(conflicts: readonly ApplyConflict[]): string {
  const [only] = conflicts;
  if (conflicts.length === 1 && only !== undefined) {
    return `Apply failed with 1 conflict: conflict with ${only.manager}: ${only.field}`;
  }
  const managers = [...new Set(conflicts.map(({ manager }) => manager))].toSorted();
  const lines = managers.flatMap((manager) => [
    `conflicts with ${manager}:`,
    ...conflicts.filter((conflict) => conflict.manager === manager).map(({ field }) => `- ${field}`),
  ]);
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function conflictsOf(managers: ReadonlyMap<string, Manager>, id: string, changed: FieldSet): ApplyConflict[] {
  return [...managers]
    .filter(([other]) => other !== id)
    .flatMap(([, owner]) =>
      owner.fields
        .intersection(changed)
        .paths()
        .map((field) => ({ manager: printManager(owner), field })),
    );
}

function printManager({ manager, operation, apiVersion, subresource }: Manager): string {
  const name = JSON.stringify(manager);
  const part =
    subresource === undefined || subresource === '' ? '' : ` with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${name}${part} using ${apiVersion}` : `${name}${part}`;
}

/** Takes from every other manager what was changed, and from all what is gone. */
function giveUp(managers: Map<string, Manager>, id: string, changed: FieldSet, removed: FieldSet): void {
  for (const [other, owner] of managers) {
    const mine = other === id ? owner.fields : owner.fields.difference(changed);
    const fields = mine.difference(removed);
    if (!fields.equals(owner.fields)) {
      managers.set(other, { ...owner, fields });
    }
  }
}

function adopt(managers: Map<string, Manager>, root: SchemaNode, live: Fields, apiVersion: string): void {
  const fields = fieldsOf(root, ownable(live));
  const owner: Manager = {
    manager: BEFORE_FIRST_APPLY,
    operation: 'Update',
    apiVersion,
    time: undefined,
    fields,
  };
  managers.set(managerId(owner), owner);
}

function withManagers(object: Fields, entries: readonly ManagedFieldsEntry[]): Record<string, unknown> {
  const { managedFields: _old, ...metadata } = (object['metadata'] ?? {}) as Record<string, unknown>;
  return { ...object, metadata: entries.length === 0 ? metadata : { ...metadata, managedFields: entries } };
}
