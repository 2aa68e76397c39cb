/** Stored objects as plug-ins look them up: with writes that are on their way to disk. */
import type { KubeObject } from '#api/meta.ts';
import type { Store } from '#store/store.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';

/** One object, or nothing. */
export function lookup<T extends KubeObject = ApiObject>(
  store: Store,
  resource: string,
  namespace: string,
  name: string,
): T | undefined {
  const entry = store.head({ resource, namespace, name });
  return entry === undefined ? undefined : (objectOf(entry) as KubeObject as T);
}

/** All objects of a resource in a namespace (`undefined`: everywhere), by name. */
export function listed<T extends KubeObject = ApiObject>(
  store: Store,
  resource: string,
  namespace?: string,
): readonly T[] {
  return [...store.list({ resource, namespace })].map((entry) => objectOf(entry) as KubeObject as T);
}

/** Labels of a namespace; undefined when it is not there. */
export function namespaceLabels(
  store: Store,
  namespace: string,
): Readonly<Record<string, string>> | undefined {
  const found = lookup(store, 'namespaces', '', namespace);
  return found === undefined ? undefined : (found.metadata.labels ?? {});
}
