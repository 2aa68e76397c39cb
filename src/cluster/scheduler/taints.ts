import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';

/** A taint of a node. */
export type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type Toleration = NonNullable<Pod['spec']['tolerations']>[number];

/** The first taint that keeps a new pod away; `PreferNoSchedule` keeps none away. */
export function untoleratedTaint(pod: Pod, node: Node): Taint | undefined {
  return node.spec?.taints?.find(
    (taint) =>
      taint.effect !== 'PreferNoSchedule' &&
      !(pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
  );
}

/** Whether a toleration is for a taint. */
export function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect !== undefined && toleration.effect !== taint.effect) {
    return false;
  }
  const anyKey = toleration.key === undefined || toleration.key === '';
  if (!anyKey && toleration.key !== taint.key) {
    return false;
  }
  return toleration.operator === 'Exists' || (!anyKey && (toleration.value ?? '') === (taint.value ?? ''));
}
