/** For tests: admission requests with a small world of other objects. */
import type { AdmissionRequest, KindRef } from './kind.ts';
import type { KubeObject } from './meta.ts';

/** An object with the kind it is stored under. */
export type Stored = readonly [KindRef, KubeObject];

const admin = { name: 'system:admin', groups: ['system:masters'] };

/** A CREATE request, or whatever `extra` makes of it, in a cluster that holds `stored`. */
export function requestFor<T extends KubeObject>(
  object: T,
  extra: Partial<Omit<AdmissionRequest<T>, 'lookup' | 'list'>> = {},
  stored: readonly Stored[] = [],
): AdmissionRequest<T> {
  const list = (kind: KindRef, namespace?: string) =>
    stored
      .filter(([of]) => of.kind === kind.kind && of.group === kind.group)
      .map(([, one]) => one)
      .filter(({ metadata }) => namespace === undefined || metadata.namespace === namespace);
  return {
    object,
    operation: 'CREATE',
    user: admin,
    lookup: (kind, name, namespace) => list(kind, namespace).find(({ metadata }) => metadata.name === name),
    list,
    ...extra,
  };
}

/** Causes as `type field`, the part a client relies on. */
export function briefly(
  causes: readonly { readonly type: string; readonly field: string }[],
): readonly string[] {
  return causes.map(({ type, field }) => `${type.replace('FieldValue', '')} ${field}`);
}
