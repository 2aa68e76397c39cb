/** What namespaces ask of writes into them. */
import type { KindDefinition } from '#api/kind.ts';
import { failure, forbidden, notFound } from '../api-errors.ts';
import type { Services } from './call.ts';
import { objectOf } from './objects.ts';

const namespaces = { group: '', plural: 'namespaces' };

const immortal: ReadonlySet<string> = new Set(['default', 'kube-public', 'kube-system']);

/** Throws 403 when a client deletes a namespace that a cluster cannot do without. Rule: admission plug-in NamespaceLifecycle. */
export function requireMortal(kind: KindDefinition, name: string): void {
  if (kind.group === '' && kind.plural === 'namespaces' && immortal.has(name)) {
    throw forbidden(namespaces, name, 'this namespace may not be deleted');
  }
}

/** Throws 404 when the namespace of a new object is missing and 403 when it is being deleted. */
export function checkNamespace(
  { store }: Services,
  kind: KindDefinition,
  namespace: string,
  name: string,
): void {
  if (!kind.namespaced) {
    return;
  }
  const entry = store.head({ resource: 'namespaces', namespace: '', name: namespace });
  if (entry === undefined) {
    throw notFound(namespaces, namespace);
  }
  if (objectOf(entry).metadata.deletionTimestamp !== undefined) {
    const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
    const refusal = forbidden(kind, name, why);
    throw failure(403, 'Forbidden', refusal.message, {
      ...refusal.status.details,
      causes: [
        {
          reason: 'NamespaceTerminating',
          message: `namespace ${namespace} is being terminated`,
          field: 'metadata.namespace',
        },
      ],
    });
  }
}
