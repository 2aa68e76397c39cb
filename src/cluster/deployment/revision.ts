/** Names, labels and annotations of a Deployment's ReplicaSets. pkg/controller/deployment/util/deployment_util.go. */
import { type Deployment, deployment as kind } from '#api/apps/deployment.ts';
import type { ReplicaSet } from '#api/apps/replica-set.ts';
import { controllerReference } from '../owned/claims.ts';
import { podTemplateHashLabel, templateHash } from '../owned/template-hash.ts';
import {
  type DeploymentView,
  desiredAnnotation,
  fenceposts,
  historyAnnotation,
  maxAnnotation,
  revisionAnnotation,
  revisionOf,
  wanted,
} from './view.ts';

/** Annotations of a Deployment that are its own. */
const ownAnnotations: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
]);

type Annotations = Readonly<Record<string, string>>;

/** What a ReplicaSet is told about the size of the whole. */
export function sizeAnnotations(deployment: Deployment): Annotations {
  return {
    [desiredAnnotation]: String(wanted(deployment)),
    [maxAnnotation]: String(wanted(deployment) + fenceposts(deployment).surge),
  };
}

/** The ReplicaSet of a Deployment's present template. Pure. */
export function composeReplicaSet(view: DeploymentView, replicas: number): ReplicaSet {
  const { deployment } = view;
  const { spec, metadata } = deployment;
  const hash = templateHash(spec.template, deployment.status?.collisionCount);
  const labels = { ...spec.template.metadata?.labels, [podTemplateHashLabel]: hash };
  const matchLabels = { ...spec.selector.matchLabels, [podTemplateHashLabel]: hash };
  return {
    metadata: {
      name: `${metadata.name}-${hash}`,
      namespace: metadata.namespace,
      labels,
      annotations: { ...newestAnnotations(view), ...sizeAnnotations(deployment) },
      ownerReferences: [controllerReference(kind, deployment)],
    },
    spec: {
      replicas,
      ...(spec.minReadySeconds === undefined ? {} : { minReadySeconds: spec.minReadySeconds }),
      selector: { ...spec.selector, matchLabels },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

/** Annotations that the newest ReplicaSet must have: the Deployment's, and a revision above all others. */
export function newestAnnotations({ deployment, newest, old }: DeploymentView): Annotations {
  const copied = Object.entries(deployment.metadata.annotations ?? {}).filter(
    ([name]) => !ownAnnotations.has(name),
  );
  const present = revisionOf(newest);
  const next = Math.max(0, ...old.map(revisionOf)) + 1;
  if (present >= next) {
    return { ...Object.fromEntries(copied), [revisionAnnotation]: String(present) };
  }
  const history = newest?.metadata.annotations?.[historyAnnotation];
  const before = [
    ...(history === undefined ? [] : history.split(',')),
    ...(present > 0 ? [String(present)] : []),
  ];
  return {
    ...Object.fromEntries(copied),
    [revisionAnnotation]: String(next),
    ...(before.length === 0 ? {} : { [historyAnnotation]: before.join(',') }),
  };
}
