/** Which nodes a DaemonSet's pods belong on, and the pod of one node. Pure. pkg/controller/daemon/util. */
import { type DaemonSet, daemonSet, templateGenerationAnnotation } from '#api/apps/daemon-set.ts';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { controllerReference } from '../owned/claims.ts';
import { composePod } from '../owned/pods.ts';
import { templateHash } from '../owned/template-hash.ts';
import { matchesNodeAffinity } from '../scheduler/filters.ts';
import { type Taint, tolerates } from '../scheduler/taints.ts';

export const revisionLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const nameField = 'metadata.name';

type Toleration = NonNullable<Pod['spec']['tolerations']>[number];

const tolerate = (key: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({
  key,
  operator: 'Exists',
  effect,
});

/** A daemon stays on nodes in trouble: it may be what mends them. */
const daemonTolerations: readonly Toleration[] = [
  tolerate('node.kubernetes.io/not-ready', 'NoExecute'),
  tolerate('node.kubernetes.io/unreachable', 'NoExecute'),
  tolerate('node.kubernetes.io/disk-pressure', 'NoSchedule'),
  tolerate('node.kubernetes.io/memory-pressure', 'NoSchedule'),
  tolerate('node.kubernetes.io/pid-pressure', 'NoSchedule'),
  tolerate('node.kubernetes.io/unschedulable', 'NoSchedule'),
];

function tolerationsOf(spec: Pod['spec']): readonly Toleration[] {
  const all =
    spec.hostNetwork === true
      ? [...daemonTolerations, tolerate('node.kubernetes.io/network-unavailable', 'NoSchedule')]
      : daemonTolerations;
  const given = spec.tolerations ?? [];
  return [
    ...given.filter((one) => !all.some(({ key, effect }) => key === one.key && effect === one.effect)),
    ...all,
  ];
}

/** Whether a node should get a pod, and whether one that is there may stay. */
export function belongsOn(set: DaemonSet, node: Node): { readonly run: boolean; readonly stay: boolean } {
  const { spec } = set.spec.template;
  const { name } = node.metadata;
  if ((spec.nodeName !== undefined && spec.nodeName !== name) || !matchesNodeAffinity(spec, node)) {
    return { run: false, stay: false };
  }
  const tolerations = tolerationsOf(spec);
  const unbearable = (node.spec?.taints ?? []).filter(
    (taint: Taint) => !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
  return {
    run: !unbearable.some(({ effect }) => effect !== 'PreferNoSchedule'),
    stay: !unbearable.some(({ effect }) => effect === 'NoExecute'),
  };
}

/** The node that a daemon's pod is on, or is meant for. */
export function nodeOf({ spec }: Pod): string | undefined {
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  return (
    spec.nodeName ??
    terms.flatMap(({ matchFields = [] }) => matchFields).find(({ key }) => key === nameField)?.values?.[0]
  );
}

/** Hash of the present template: pods that carry it are up to date. */
export function hashOf({ spec, status }: DaemonSet): string {
  return templateHash(spec.template, status?.collisionCount);
}

/** The pod for one node; the scheduler places it there and nowhere else. */
export function composeDaemonPod(set: DaemonSet, node: string, hash: string): Pod {
  const { template } = set.spec;
  const generation = set.metadata.annotations?.[templateGenerationAnnotation];
  const made = composePod(template, controllerReference(daemonSet, set), set.metadata.namespace ?? '');
  const labels = {
    ...made.metadata.labels,
    [revisionLabel]: hash,
    ...(generation === undefined ? {} : { [generationLabel]: generation }),
  };
  const matchFields = [{ key: nameField, operator: 'In' as const, values: [node] }];
  const present = template.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const nodeSelectorTerms = (present?.nodeSelectorTerms ?? [{}]).map(({ matchExpressions }) => ({
    ...(matchExpressions === undefined ? {} : { matchExpressions }),
    matchFields,
  }));
  const nodeAffinity = {
    ...template.spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
  };
  return {
    metadata: { ...made.metadata, labels },
    spec: {
      ...template.spec,
      affinity: { ...template.spec.affinity, nodeAffinity },
      tolerations: tolerationsOf(template.spec),
    },
  };
}
