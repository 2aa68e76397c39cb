/** What the plug-ins for pods share. */
import { type Pod, pod } from '#api/core/pod.ts';
import { isRecord } from '../../registry/metadata.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { Attributes, Target } from '../plugin.ts';

/** A new pod. */
export function isNewPod({ operation, kind, subresource }: Target): boolean {
  return operation === 'CREATE' && isPod({ kind, subresource });
}

/** A pod, not one of its subresources. */
export function isPod({ kind, subresource }: Pick<Target, 'kind' | 'subresource'>): boolean {
  return kind.plural === pod.plural && kind.group === pod.group && subresource === '';
}

/** A change of the resources of a pod that is there. */
export function isResize({ kind, subresource }: Pick<Target, 'kind' | 'subresource'>): boolean {
  return subresource === 'resize' && isPod({ kind, subresource: '' });
}

/** The pod of a request about pods; nothing while it lacks what is required: it is refused later, with all its faults. */
export function podOf({ object }: Pick<Attributes, 'object'>): Pod | undefined {
  const spec = object?.['spec'];
  return isRecord(spec) && Array.isArray(spec['containers']) ? (object as unknown as Pod) : undefined;
}

/** The pod with another spec. */
export function withSpec(given: Pod, spec: Partial<Pod['spec']>): ApiObject {
  return { ...given, spec: { ...given.spec, ...spec } };
}
