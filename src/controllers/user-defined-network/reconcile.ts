/** One pass over one user-defined network of either kind: its definitions, its finalizer, its condition. */
import type { Namespace } from '#api/core/namespace.ts';
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { isPrimary } from '#api/k8s.ovn.org/network-config.ts';
import type { KindRef } from '#api/kind.ts';
import { apiVersionOf } from '#api/kind.ts';
import type { Condition, KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import { type ConditionClaim, setCondition } from '#machinery/conditions.ts';
import { keyOf } from '#machinery/controller.ts';
import { isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { bridgeMapped, mtuMismatch } from '../network-attachment-definition/conditions.ts';
import { allocationOf } from './allocation.ts';
import { type NetworkSpec, primaryLabel, protection, type RenderTarget, renderDefinition } from './render.ts';

/** A network of either kind. */
export interface NetworkObject extends KubeObject {
  readonly status?: { readonly conditions?: readonly Condition[] | undefined } | undefined;
}

/** A network to be brought about. */
export interface NetworkInput {
  readonly kind: KindRef;
  readonly object: NetworkObject;
  readonly spec: NetworkSpec;
  readonly networkName: string;
  /** Namespaces that are to have it. */
  readonly namespaces: readonly string[];
  /** Reason of the condition when something fails. */
  readonly errorReason: string;
  /** Message of the condition when all is there. */
  readonly success: (namespaces: readonly string[]) => string;
}

/** What a pass works with. */
export interface NetworkDeps {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly nads: Informer<NetworkAttachmentDefinition>;
  readonly namespaces: Informer<Namespace>;
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
}

/** What keeps a network from being made somewhere. */
interface Problem {
  readonly reason: string;
  readonly message: string;
}

const definitionDeleted = 'NetworkAttachmentDefinitionDeleted';

/** Index of pods by the definitions they are annotated with. */
export const byDefinition = 'ovn-definition';

/** Brings a network about, or takes it away when it is being deleted. */
export async function reconcileNetwork(input: NetworkInput, deps: NetworkDeps): Promise<void> {
  const { object } = input;
  const own = deps.nads.list().filter((nad) => isOwned(nad, object));
  if (object.metadata.deletionTimestamp !== undefined) {
    await takeAway(input, own, deps);
    return;
  }
  await setFinalizers(deps, input.kind, object, [
    ...new Set([...(object.metadata.finalizers ?? []), protection]),
  ]);
  const problems: Problem[] = [];
  const made: string[] = [];
  for (const namespace of input.namespaces) {
    try {
      await bringAbout(input, namespace, deps);
      made.push(namespace);
    } catch (error) {
      if (!(error instanceof PatchbayError)) throw error;
      const isGoing = error.reason === definitionDeleted;
      problems.push({ reason: isGoing ? definitionDeleted : input.errorReason, message: messageOf(error) });
    }
  }
  // Namespaces that are no longer chosen, or that go.
  for (const nad of own.filter(({ metadata }) => !input.namespaces.includes(metadata.namespace ?? ''))) {
    const kept = await release(nad, deps);
    problems.push(...kept.map((message) => ({ reason: input.errorReason, message })));
  }
  const [first] = problems;
  const message = problems.map((problem) => problem.message).join('; ');
  const failed = { status: 'False', reason: first?.reason ?? input.errorReason, message } as const;
  const done = {
    status: 'True',
    reason: 'NetworkAttachmentDefinitionCreated',
    message: input.success(made),
  } as const;
  await tell(input, problems.length > 0 ? failed : done, deps);
}

async function bringAbout(input: NetworkInput, namespace: string, deps: NetworkDeps): Promise<void> {
  const { object, spec, kind, networkName } = input;
  const { name, uid = '' } = object.metadata;
  const owner = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
  const { labels } = object.metadata;
  const target: RenderTarget = { namespace, name, networkName, owner, labels };
  const wanted = renderDefinition(spec, target);
  const known = deps.nads.get({ namespace, name });
  checkPlace(input, namespace, known, deps);
  if (known === undefined) {
    await deps.client.create(networkAttachmentDefinition, wanted);
    return;
  }
  if (known.metadata.deletionTimestamp !== undefined) {
    throw new PatchbayError(
      definitionDeleted,
      `NetworkAttachmentDefinition is being deleted: [${namespace}/${name}]`,
    );
  }
  const isSame =
    known.spec?.config === wanted.spec?.config &&
    Object.entries(wanted.metadata.labels ?? {}).every(
      ([label, value]) => known.metadata.labels?.[label] === value,
    ) &&
    known.metadata.finalizers?.includes(protection) === true;
  if (!isSame) {
    const { finalizers } = wanted.metadata;
    const body = { metadata: { labels: wanted.metadata.labels, finalizers }, spec: wanted.spec };
    await deps.client.patch(networkAttachmentDefinition, { namespace, name }, { type: 'merge', body });
  }
}

/** What must hold before a definition is made in a namespace. */
function checkPlace(
  { object, spec }: NetworkInput,
  namespace: string,
  known: NetworkAttachmentDefinition | undefined,
  deps: NetworkDeps,
): void {
  const { name } = object.metadata;
  const refuse = (message: string): PatchbayError =>
    new PatchbayError('SyncError', message, { retryable: false });
  if (known !== undefined && !isOwned(known, object)) {
    throw refuse(
      `foreign NetworkAttachmentDefinition with the desired name already exist [${namespace}/${name}]; delete it, or name the network otherwise`,
    );
  }
  if (!isPrimary(spec)) {
    return;
  }
  if (deps.namespaces.get({ name: namespace })?.metadata.labels?.[primaryLabel] === undefined) {
    throw refuse(
      `invalid primary network state for namespace "${namespace}": a valid primary user defined network or network attachment definition custom resource, and required namespace label "${primaryLabel}" must both be present; the label can only be given when the namespace is created: make the namespace anew with it`,
    );
  }
  const other = deps.nads
    .list(namespace)
    .find((nad) => nad.metadata.name !== name && ovnNetworkOfText(nad.spec?.config)?.role === 'primary');
  if (other !== undefined) {
    throw refuse(
      `primary network already exist in namespace "${namespace}": "${other.metadata.name}"; a namespace has one primary network`,
    );
  }
}

async function takeAway(
  input: NetworkInput,
  own: readonly NetworkAttachmentDefinition[],
  deps: NetworkDeps,
): Promise<void> {
  const { object, kind } = input;
  const problems: string[] = [];
  for (const nad of own) {
    problems.push(...(await release(nad, deps)));
  }
  if (problems.length > 0) {
    await tell(input, { status: 'False', reason: input.errorReason, message: problems.join('; ') }, deps);
    return;
  }
  const finalizers = (object.metadata.finalizers ?? []).filter((one) => one !== protection);
  await setFinalizers(deps, kind, object, finalizers);
}

/** Deletes a definition unless pods are on it; then says which. */
async function release(
  nad: NetworkAttachmentDefinition,
  { client, pods }: NetworkDeps,
): Promise<readonly string[]> {
  const { namespace, name, finalizers = [], deletionTimestamp } = nad.metadata;
  const users = pods.byIndex(byDefinition, `${namespace}/${name}`).map(keyOf);
  if (users.length > 0) {
    return [`network in use by the following pods: [${users.sort().join(', ')}]`];
  }
  const body = { metadata: { finalizers: finalizers.filter((one) => one !== protection) } };
  if (finalizers.includes(protection)) {
    await client
      .patch(networkAttachmentDefinition, { namespace, name }, { type: 'merge', body })
      .catch(ignoreGone);
  }
  if (deletionTimestamp === undefined) {
    await client.delete(networkAttachmentDefinition, { namespace, name }).catch(ignoreGone);
  }
  return [];
}

async function setFinalizers(
  { client }: NetworkDeps,
  kind: KindRef,
  { metadata }: KubeObject,
  finalizers: readonly string[],
): Promise<void> {
  if ((metadata.finalizers ?? []).join() !== finalizers.join()) {
    const key = { name: metadata.name, namespace: metadata.namespace };
    const body = { metadata: { resourceVersion: metadata.resourceVersion, finalizers } };
    await client.patch(kind, key, { type: 'merge', body }).catch(ignoreGone);
  }
}

async function tell(
  { object, kind, spec, networkName }: NetworkInput,
  claim: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string },
  { client, clock, nodes, nads }: NetworkDeps,
): Promise<void> {
  const created = setCondition(object.status?.conditions, { type: 'NetworkCreated', ...claim }, clock.now());
  // While a network is not there, nothing is allocated; one that was stays as it is until the end.
  const allocation = claim.status === 'True' ? allocationOf(spec, networkName, nodes.list()) : undefined;
  const allocated = allocation === undefined ? created : setCondition(created, allocation, clock.now());
  const found = definitionClaims(object, nads);
  const others = allocated.filter(
    ({ type }) => !ofDefinitions.includes(type) || found.some((one) => one.type === type),
  );
  const conditions = found.reduce<readonly Condition[]>(
    (list, one) => setCondition(list, one, clock.now()),
    others,
  );
  const patch = statusPatch(object.status, { ...object.status, conditions });
  const { name, namespace } = object.metadata;
  if (patch !== undefined) {
    await client.patch(kind, { name, namespace }, patch, { subresource: 'status' }).catch(ignoreGone);
  }
}

/** Conditions that a network has of its definitions. */
const ofDefinitions: readonly string[] = [bridgeMapped, mtuMismatch];

/** What its definitions say of nodes without the physical network, and of wires that are too narrow: users look at the network. */
function definitionClaims(object: NetworkObject, nads: NetworkDeps['nads']): readonly ConditionClaim[] {
  const own = nads.list().filter((nad) => isOwned(nad, object));
  const all = own.flatMap(({ status }) => status?.conditions ?? []);
  return ofDefinitions.flatMap((wanted) => {
    const found = all.find(({ type }) => type === wanted);
    return found === undefined ? [] : [claimOf(found)];
  });
}

function claimOf({ type, status, reason, message }: Condition): ConditionClaim {
  return { type, status, reason, message };
}

function isOwned({ metadata }: NetworkAttachmentDefinition, { metadata: { uid } }: KubeObject): boolean {
  return metadata.ownerReferences?.some((owner) => owner.controller === true && owner.uid === uid) === true;
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) {
    throw error;
  }
  return undefined;
}
