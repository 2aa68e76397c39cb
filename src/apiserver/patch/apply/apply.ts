import type { ApplyConflict, ApplyRequest, ApplyResult, ManagedFieldsEntry, UpdateRequest } from './types.ts';

/** Being written: merges `applied` into `live`. */
export declare function serverSideApply(request: ApplyRequest): ApplyResult;

/** Being written: `metadata.managedFields` after an ordinary write (operation Update). */
export declare function updateManagedFields(
  request: UpdateRequest,
): readonly ManagedFieldsEntry[] | undefined;

/** Being written: the 409 `Status` of conflicts, in upstream's words. */
export declare function conflictStatus(
  conflicts: readonly ApplyConflict[],
): import('#machinery/errors.ts').StatusBody;
