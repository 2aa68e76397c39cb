/** What a settlement works with, and the small questions it asks of objects. */
import type { Namespace } from '#api/core/namespace.ts';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import type { IpamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KubeObject } from '#api/meta.ts';
import { keyOf } from '#machinery/controller.ts';
import type { Informer } from '#machinery/informer.ts';
import type { Log } from '#machinery/log.ts';
import type { Annotator } from './annotator.ts';
import type { DefaultNetworkConfig } from './config.ts';
import type { FlatPlace } from './flat-network.ts';

/** What a settlement works with. */
export interface SettlementParts {
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly nads: Informer<NetworkAttachmentDefinition>;
  readonly namespaces: Informer<Namespace>;
  readonly claims: Informer<IpamClaim>;
  /** Has a place's addresses kept in its claim. */
  readonly keep: (claim: IpamClaim, place: FlatPlace) => void;
  /** Has told in a claim why its pod gets no place. */
  readonly refuse: (claim: IpamClaim, pod: string, reason: string, message: string) => void;
  readonly annotator: Pick<Annotator, 'forget' | 'write'>;
  readonly config: DefaultNetworkConfig;
  readonly log: Log;
  /** Told why a pod is not connected, or with another event's reason what else is wrong with it. */
  readonly tell: (pod: Pod, reason: string, message: string, event?: string) => void;
}

/** Label of namespaces that have a primary network. */
export const primaryLabel = 'k8s.ovn.org/primary-user-defined-network';

/** Why a pod of such a namespace waits. */
export function primaryMissing({ metadata }: Pod): string {
  const { namespace } = metadata;
  return `namespace ${namespace} has the label ${primaryLabel} and no primary network that could be made: make a UserDefinedNetwork with role Primary in it; if there is one, its conditions tell what it lacks (kubectl describe userdefinednetwork -n ${namespace}; kubectl describe clusteruserdefinednetwork)`;
}

/** A pod that needs a place. */
export interface PlacedPod {
  readonly key: string;
  readonly pod: Pod;
  readonly node: string;
}

/** The node on which a pod needs a port; undefined when it needs none (any more). */
export function nodeOf(pod: Pod): string | undefined {
  const hasEnded = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return hasEnded || pod.spec.hostNetwork === true || pod.spec.nodeName === ''
    ? undefined
    : pod.spec.nodeName;
}

/** Empties a set. */
export function take(marked: Set<string>): string[] {
  const keys = [...marked];
  marked.clear();
  return keys;
}

/** Older objects first: of two that claim the same, the older one has it. */
export function byAge(a: KubeObject, b: KubeObject): number {
  const [x = '', y = ''] = [a, b].map((o) => `${o.metadata.creationTimestamp ?? ''} ${keyOf(o)}`);
  return x < y ? -1 : 1;
}
