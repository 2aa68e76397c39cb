import { failure } from './api-errors.ts';
import { internalCall, internalOptions } from './internal-call.ts';
import type { Services } from './registry/call.ts';
import { create } from './registry/create.ts';

/** Namespaces that every cluster has. */
const namespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'] as const;

/** Makes the namespaces that are missing, through the same door as everybody's objects. */
export async function ensureDefaults(services: Services): Promise<void> {
  const kind = services.catalog.find('', 'v1', 'namespaces');
  if (kind === undefined) {
    throw failure(500, 'InternalError', 'the kind Namespace must be served: add it to the list of kinds');
  }
  const call = internalCall('POST', '/api/v1/namespaces');
  const missing = namespaces.filter(
    (name) => services.store.head({ resource: 'namespaces', namespace: '', name }) === undefined,
  );
  await Promise.all(
    missing.map((name) =>
      create(services, call, { kind, namespace: '', object: { metadata: { name } } }, internalOptions),
    ),
  );
}
