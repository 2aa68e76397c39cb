/** What a request for `pods/NAME/resize` can change (kubernetes `registry/core/pod/strategy.go`, `podResizeStrategy`). */
import type { ObjectMeta } from '#api/meta.ts';
import { compactMetadata } from './admission.ts';
import { isRecord } from './metadata.ts';
import type { ApiObject } from './objects.ts';

type Fields = Readonly<Record<string, unknown>>;

/**
 * The stored pod with `resources` and `resizePolicy` of the wanted one's containers, and its pod-level resources. Containers
 * that are not where they were are all taken as they came: validation says what is wrong with them.
 */
export function withWantedResources(wanted: ApiObject, metadata: ObjectMeta, old: ApiObject): ApiObject {
  const [given, spec] = [fieldsOf(wanted['spec']), fieldsOf(old['spec'])];
  const { resources: _, ...others } = spec;
  const lists = (['containers', 'initContainers'] as const).flatMap((name) => {
    const list = merged(given[name], spec[name]);
    return list === undefined ? [] : [[name, list] as const];
  });
  const { managedFields } = metadata;
  return {
    ...old,
    metadata: compactMetadata({ ...old.metadata, managedFields }),
    spec: {
      ...others,
      ...Object.fromEntries(lists),
      ...(given['resources'] === undefined ? {} : { resources: given['resources'] }),
    },
  };
}

function merged(wanted: unknown, old: unknown): unknown {
  if (!Array.isArray(wanted) || !Array.isArray(old) || wanted.length !== old.length) {
    return wanted;
  }
  if (wanted.some((container, index) => fieldsOf(container)['name'] !== fieldsOf(old[index])['name'])) {
    return wanted;
  }
  return old.map((before, index) => {
    const { resources: _resources, resizePolicy: _policy, ...others } = fieldsOf(before);
    const { resources, resizePolicy } = fieldsOf(wanted[index]);
    return {
      ...others,
      ...(resources === undefined ? {} : { resources }),
      ...(resizePolicy === undefined ? {} : { resizePolicy }),
    };
  });
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}
