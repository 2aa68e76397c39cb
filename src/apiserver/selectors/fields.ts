import type { KindDefinition } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';

/** Being written: a field selector (`metadata.name=a,spec.nodeName!=b`). @throws PatchbayError `BadRequest`. */
export declare function parseFieldSelector(
  text: string,
  kind: Pick<KindDefinition, 'selectableFields' | 'namespaced'>,
): (object: KubeObject) => boolean;
