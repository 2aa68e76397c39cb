import { ApiError } from '#machinery/errors.ts';
import { forbidden } from '../api-errors.ts';
import type { Attributes } from './plugin.ts';

/** 403 in the words of apiserver `admission.NewForbidden`: `pods "x" is forbidden: why`. */
export function refused({ kind, name }: Pick<Attributes, 'kind' | 'name'>, why: string): ApiError {
  return forbidden(kind, name, why);
}

/** Several reasons as one text (`utilerrors.Aggregate`): each once, in brackets when there are more. */
export function aggregate(reasons: readonly string[]): string {
  const different = [...new Set(reasons)];
  return different.length === 1 ? (different[0] ?? '') : `[${different.join(', ')}]`;
}

/** 500 in the words of `apierrors.NewInternalError`. */
export function internalError(why: string): ApiError {
  const message = `Internal error occurred: ${why}`;
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason: 'InternalError',
    details: { causes: [{ message: why }] },
    code: 500,
  });
}
