/** Rules of the API server that the fake keeps: what may change where, what a deletion waits for. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject, ObjectMeta } from '#api/meta.ts';
import { ApiError } from './errors.ts';
import { equal } from './merge-patch.ts';

type Fields = Readonly<Record<string, unknown>>;
/** An object whose spec and status are looked into. */
export type AnyObject = KubeObject & { readonly spec?: Fields; readonly status?: Fields };

/** What an update may change: status through its subresource only, spec and metadata through the main resource only. */
export function merge<T extends KubeObject>(
  kind: KindRef,
  old: T,
  wanted: T,
  subresource: string | undefined,
): T {
  const kept: Partial<ObjectMeta> = {
    uid: old.metadata.uid,
    creationTimestamp: old.metadata.creationTimestamp,
    resourceVersion: old.metadata.resourceVersion,
    generation: old.metadata.generation,
    deletionTimestamp: old.metadata.deletionTimestamp,
  };
  const before = old as AnyObject;
  const after = wanted as AnyObject;
  if (subresource === 'status') {
    const { labels, annotations } = wanted.metadata;
    const metadata = {
      ...old.metadata,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
    return { ...old, metadata, status: after.status };
  }
  if (subresource === 'finalize') {
    return { ...old, spec: after.spec };
  }
  const status = hasStatus(kind) ? { status: before.status } : {};
  const changed = !equal(before.spec, after.spec);
  const generation = (old.metadata.generation ?? 1) + (changed ? 1 : 0);
  return { ...wanted, ...status, metadata: { ...wanted.metadata, ...kept, generation } };
}

/** An object as the server stores it first. */
export function initial<T extends KubeObject>(kind: KindRef, object: T): T {
  if (kind.kind === 'Namespace' && kind.group === '') {
    return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
  }
  if (kind.kind === 'Pod' && kind.group === '') {
    const { status } = object as AnyObject;
    return { ...object, status: status ?? { phase: 'Pending' } };
  }
  return object;
}

/** Seconds a pod may take to stop; only a pod that a node has taken on takes any. */
export function gracePeriodOf(kind: KindRef, object: KubeObject): number | undefined {
  const { spec, status } = object as AnyObject;
  const over = status?.['phase'] === 'Succeeded' || status?.['phase'] === 'Failed';
  if (kind.kind !== 'Pod' || spec?.['nodeName'] === undefined || over) {
    return undefined;
  }
  return Number(spec['terminationGracePeriodSeconds'] ?? 30);
}

/** Whether a namespace still has something to be finalized. */
export function hasSpecFinalizers(object: KubeObject): boolean {
  const finalizers = (object as AnyObject).spec?.['finalizers'];
  return Array.isArray(finalizers) && finalizers.length > 0;
}

/** Whether a kind keeps its status behind a subresource. */
export function hasStatus(kind: KindRef): boolean {
  return (kind as { readonly subresources?: { readonly status?: boolean } }).subresources?.status === true;
}

/** An answer that refuses. */
export function refusal(code: number, reason: string, message: string): ApiError {
  return new ApiError({ kind: 'Status', status: 'Failure', code, reason, message });
}
