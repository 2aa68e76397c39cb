/** Brings this node's network to what the policies that match it say, and tells how far each is. */
import type { Node } from '#api/core/node.ts';
import { apiVersionOf } from '#api/kind.ts';
import {
  nodeNetworkConfigurationEnactment as enactmentKind,
  type NodeNetworkConfigurationEnactment,
} from '#api/nmstate.io/node-network-configuration-enactment.ts';
import {
  type NodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationPolicy as policyKind,
} from '#api/nmstate.io/node-network-configuration-policy.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Clock, timestamp } from '#machinery/clock.ts';
import { hasCondition } from '#machinery/conditions.ts';
import { type Controller, source } from '#machinery/controller.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { includesLabels } from '#machinery/selectors.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import type { Operation, Outcome, Resource } from '#node-state/resource.ts';
import { diff } from '../diff.ts';
import { composeNodeNetwork, isNodeNetwork } from './compose.ts';
import { enactmentConditions, type Progress } from './enactment.ts';
import type { NetworkView } from './placed.ts';

/** What the loop runs with. */
export interface PolicyControllerOptions {
  readonly nodeName: string;
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly policies: Informer<NodeNetworkConfigurationPolicy>;
  readonly enactments: Informer<NodeNetworkConfigurationEnactment>;
  /** Only this node. */
  readonly nodes: Informer<Node>;
  /** Reads the node's network. */
  readonly observe: () => Promise<NetworkView>;
  /** Carries out operations on the node's scope. */
  readonly apply: (operations: readonly Operation[]) => Promise<readonly Outcome[]>;
  /** Called after the node's network was changed. */
  readonly onChanged: () => void;
}

/** How often a policy that failed for a passing reason is tried again before it counts as failed. */
const attempts = 5;

/** The loop over policies; one at a time, because policies may share interfaces (the last writer wins). */
export function createPolicyController(options: PolicyControllerOptions): Controller {
  const loop = new PolicyLoop(options);
  return {
    name: 'node-network-policy',
    sources: [
      source(options.policies, ({ object }) => [object.metadata.name]),
      source(options.nodes, ({ type }) =>
        type === 'deleted' ? [] : options.policies.list().map(({ metadata }) => metadata.name),
      ),
    ],
    reconcile: (name) => loop.reconcile(name),
  };
}

class PolicyLoop {
  readonly #options: PolicyControllerOptions;
  /** Policy UID -> failures in a row of one generation. */
  readonly #failures = new Map<string, number>();

  constructor(options: PolicyControllerOptions) {
    this.#options = options;
  }

  async reconcile(name: string): Promise<undefined> {
    const { policies, nodes, nodeName } = this.#options;
    const policy = policies.get({ name });
    const node = nodes.get({ name: nodeName });
    if (policy === undefined || node === undefined || policy.metadata.deletionTimestamp !== undefined) {
      return; // deleting a policy changes nothing on the node; its enactments go with it
    }
    if (!includesLabels(node.metadata.labels, policy.spec?.nodeSelector)) {
      await this.#forget(policy);
      return;
    }
    try {
      await this.#enact(policy);
      this.#failures.delete(name);
    } catch (error) {
      await this.#fail(policy, error);
    }
  }

  async #enact(policy: NodeNetworkConfigurationPolicy): Promise<void> {
    if (Object.keys(policy.spec?.capture ?? {}).length > 0) {
      throw new PatchbayError(
        'CaptureNotServed',
        'spec.capture: this version does not evaluate capture expressions; write the values into desiredState',
        { retryable: false },
      );
    }
    const view = await this.#options.observe();
    const operations = this.#operations(policy, view);
    const enactment = this.#enactment(policy);
    const isDone = hasCondition(enactment?.status?.conditions, 'Available') && isCurrent(policy, enactment);
    if (operations.length === 0) {
      if (!isDone) {
        await this.#tell(policy, { state: 'available' });
      }
      return;
    }
    await this.#tell(policy, { state: 'progressing' });
    await this.#applyOrRollBack(operations, view);
    await this.#verify(policy);
    this.#options.onChanged();
    await this.#tell(policy, { state: 'available' });
  }

  #operations(policy: NodeNetworkConfigurationPolicy, view: NetworkView): readonly Operation[] {
    return diff(composeNodeNetwork(policy.spec?.desiredState, view), view.resources.filter(isNodeNetwork));
  }

  /** A step that fails takes the whole policy back: the node must not be left half way. */
  async #applyOrRollBack(operations: readonly Operation[], before: NetworkView): Promise<void> {
    const outcomes = await this.#options.apply(operations);
    const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [messageOf(error)]));
    if (errors.length === 0) {
      return;
    }
    const now = await this.#options.observe();
    const back = diff(before.resources.filter(isNodeNetwork), now.resources.filter(isNodeNetwork));
    const failedBack = (await this.#options.apply(back)).flatMap(({ error }) =>
      error === undefined ? [] : [messageOf(error)],
    );
    this.#options.onChanged();
    const rolledBack =
      failedBack.length === 0
        ? 'rolled back to the state before'
        : `rolling back failed too: ${failedBack.join('; ')}`;
    throw new PatchbayError('FailedToConfigure', `${errors.join('; ')} (${rolledBack})`);
  }

  /** Success is what is observed, not that commands ended well. */
  async #verify(policy: NodeNetworkConfigurationPolicy): Promise<void> {
    const rest = this.#operations(policy, await this.#options.observe());
    if (rest.length > 0) {
      const what = rest.map(
        ({ op, ...change }) => `${op} ${describe('to' in change ? change.to : change.from)}`,
      );
      throw new PatchbayError(
        'VerificationFailed',
        `after applying, the node still differs: ${what.join(', ')}`,
      );
    }
  }

  async #fail(policy: NodeNetworkConfigurationPolicy, error: unknown): Promise<void> {
    const name = policy.metadata.name;
    const failures = (this.#failures.get(name) ?? 0) + 1;
    this.#failures.set(name, failures);
    const isFinal = (error instanceof PatchbayError && !error.retryable) || failures >= attempts;
    const message = `error reconciling NodeNetworkConfigurationPolicy on node ${this.#options.nodeName} at desired state apply: ${messageOf(error)}`;
    await this.#tell(policy, { state: isFinal ? 'failing' : 'retrying', message });
    if (!isFinal) {
      throw error;
    }
  }

  #enactment(policy: NodeNetworkConfigurationPolicy): NodeNetworkConfigurationEnactment | undefined {
    return this.#options.enactments.get({ name: this.#enactmentName(policy) });
  }

  #enactmentName(policy: NodeNetworkConfigurationPolicy): string {
    return `${this.#options.nodeName}.${policy.metadata.name}`;
  }

  async #tell(policy: NodeNetworkConfigurationPolicy, progress: Progress): Promise<void> {
    const { client, clock } = this.#options;
    const known = this.#enactment(policy) ?? (await this.#createEnactment(policy));
    const now = clock.now();
    const status = {
      ...known.status,
      conditions: enactmentConditions(known.status?.conditions, progress, now),
      policyGeneration: policy.metadata.generation ?? 1,
      desiredState: policy.spec?.desiredState ?? {},
      ...(!isCurrent(policy, known) && {
        desiredStateMetaInfo: { version: String(policy.metadata.generation ?? 1), time: timestamp(now) },
      }),
      retryCount: this.#failures.get(policy.metadata.name) ?? 0,
    };
    const patch = statusPatch(known.status, status);
    if (patch !== undefined) {
      await client.patch(enactmentKind, { name: known.metadata.name }, patch, { subresource: 'status' });
    }
  }

  async #createEnactment(policy: NodeNetworkConfigurationPolicy): Promise<NodeNetworkConfigurationEnactment> {
    const { client, nodeName } = this.#options;
    const { name, uid = '' } = policy.metadata;
    const fresh: NodeNetworkConfigurationEnactment = {
      apiVersion: apiVersionOf(enactmentKind),
      kind: enactmentKind.kind,
      metadata: {
        name: this.#enactmentName(policy),
        labels: { 'nmstate.io/policy': name, 'nmstate.io/node': nodeName },
        ownerReferences: [{ apiVersion: apiVersionOf(policyKind), kind: policyKind.kind, name, uid }],
      },
    };
    try {
      return await client.create(enactmentKind, fresh);
    } catch (error) {
      if (error instanceof PatchbayError && error.reason === 'AlreadyExists') {
        return client.get(enactmentKind, { name: fresh.metadata.name });
      }
      throw error;
    }
  }

  /** A node that no longer matches has no say in the policy's status. */
  async #forget(policy: NodeNetworkConfigurationPolicy): Promise<void> {
    const known = this.#enactment(policy);
    if (known !== undefined) {
      await this.#options.client.delete(enactmentKind, { name: known.metadata.name });
    }
  }
}

function isCurrent(
  policy: NodeNetworkConfigurationPolicy,
  enactment: NodeNetworkConfigurationEnactment | undefined,
): boolean {
  return enactment?.status?.policyGeneration === (policy.metadata.generation ?? 1);
}

function describe(resource: Resource): string {
  return 'name' in resource ? `${resource.kind} ${resource.name}` : resource.kind;
}
