/** One pass over one NodeNetworkConfigurationPolicy on this node: apply, verify, tell; roll back when it fails. */
import type { Node } from '#api/core/node.ts';
import type { NodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import {
  type NodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationPolicy,
} from '#api/nmstate.io/node-network-configuration-policy.ts';
import type { IpDriver } from '#drivers/ip/driver.ts';
import { FOREIGN_BRIDGES } from '#drivers/ovs/driver.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import type { ReconcileResult } from '#machinery/controller.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { type EventRecorder, referable } from '#machinery/events.ts';
import type { Informer } from '#machinery/informer.ts';
import { NODE, type Operation, type Resource, resourceId } from '#node-state/resource.ts';
import { diff } from '../diff.ts';
import { throwFailures, type World } from '../world.ts';
import { composePolicy } from './compose-policy.ts';
import { isAt, isFor, stages, turnOf } from './enactment.ts';
import { EnactmentWriter } from './enactment-writer.ts';
import { isPart } from './part.ts';
import type { NodeView, PolicyState } from './policy-input.ts';

/** What the node's kernel and Open vSwitch can. */
export type NodeAbilities = Pick<
  NodeView,
  'bridgeVlanFiltering' | 'vlanDevices' | 'bonding' | 'ovsUserspace'
>;

/** Parts of the loop. */
export interface PolicyDeps {
  readonly nodeName: string;
  readonly client: ApiClient;
  readonly policies: Informer<NodeNetworkConfigurationPolicy>;
  readonly enactments: Informer<NodeNetworkConfigurationEnactment>;
  readonly nodes: Informer<Node>;
  readonly world: World;
  readonly ip: Pick<IpDriver, 'interfaces'>;
  readonly abilities: NodeAbilities;
  readonly events: EventRecorder;
  readonly clock: Clock;
  /** After the node's network was changed. */
  readonly changed: () => void;
  /** Proves that the node is still reached: rejects when not. */
  readonly probe: () => Promise<void>;
}

/** Times a failing policy is tried again, when trying again can help. */
const retries = 3;

/** Applies policies one after the other. */
export class PolicyLoop {
  readonly #deps: PolicyDeps;
  /** Generation of each policy that this process has verified on the node. */
  readonly #verified = new Map<string, number>();
  readonly #attempts = new Map<string, number>();
  /** Names of the interfaces there were when a policy failed. */
  readonly #failedWith = new Map<string, string>();
  readonly #enactments: EnactmentWriter;

  constructor(deps: PolicyDeps) {
    this.#deps = deps;
    this.#enactments = new EnactmentWriter(deps);
  }

  /** Names of policies that failed here: another NIC may mend them. */
  failing(): readonly string[] {
    return this.#deps.policies
      .list()
      .filter((policy) => isAt(this.#enactments.get(policy.metadata.name), policy, 'Failing'))
      .map(({ metadata }) => metadata.name);
  }

  /** Others changed the node: every policy is to be verified again. */
  doubt(): void {
    this.#verified.clear();
  }

  async reconcile(name: string): Promise<ReconcileResult | undefined> {
    const policy = this.#deps.policies.get({ name });
    const self = this.#deps.nodes.get({ name: this.#deps.nodeName });
    if (policy === undefined || !isFor(policy, self)) {
      this.#verified.delete(name);
      await this.#enactments.withdraw(name);
      return undefined;
    }
    const generation = policy.metadata.generation ?? 1;
    if (this.#verified.get(name) === generation) {
      return undefined;
    }
    if (isAt(this.#enactments.get(name), policy, 'Failing') && this.#attempts.has(`${name} ${generation}`)) {
      return this.#retryFailed(policy, generation);
    }
    if (!isAt(this.#enactments.get(name), policy, 'Available')) {
      const turn = turnOf(this.#deps.nodeName, policy, this.#deps.nodes.list(), this.#deps.enactments.list());
      if (turn !== 'go') {
        await this.#enactments.write(policy, turn === 'wait' ? stages.pending() : stages.aborted());
        return undefined;
      }
    }
    return this.#enact(policy, generation);
  }

  /** A policy that failed is looked at again when the interfaces are others than then. */
  async #retryFailed(
    policy: NodeNetworkConfigurationPolicy,
    generation: number,
  ): Promise<ReconcileResult | undefined> {
    const names = await this.#interfaceNames();
    return names === this.#failedWith.get(policy.metadata.name) ? undefined : this.#enact(policy, generation);
  }

  async #interfaceNames(): Promise<string> {
    const interfaces = await this.#deps.ip.interfaces();
    return interfaces
      .filter(({ alias }) => alias === undefined)
      .map(({ name }) => name)
      .join(' ');
  }

  async #enact(
    policy: NodeNetworkConfigurationPolicy,
    generation: number,
  ): Promise<ReconcileResult | undefined> {
    const { name } = policy.metadata;
    const attempt = this.#attempts.get(`${name} ${generation}`) ?? 0;
    try {
      const notes = await this.#apply(policy);
      this.#verified.set(name, generation);
      await this.#enactments.write(policy, stages.available(notes), attempt);
      return undefined;
    } catch (error) {
      if (!(error instanceof PatchbayError) || error.name === 'ApiError') {
        throw error;
      }
      this.#attempts.set(`${name} ${generation}`, attempt + 1);
      this.#failedWith.set(name, await this.#interfaceNames());
      const canRetry = error.retryable && attempt < retries;
      await this.#enactments.write(
        policy,
        canRetry ? stages.retrying(messageOf(error)) : stages.failing(messageOf(error)),
        attempt,
      );
      this.#deps.events.event(
        referable(nodeNetworkConfigurationPolicy, policy),
        'Warning',
        'ReconcileFailed',
        `${this.#deps.nodeName}: ${messageOf(error)}`,
      );
      return canRetry ? { requeueAfter: 1000 * 2 ** attempt } : undefined;
    }
  }

  /** Applies what differs and reads back what came of it; what was there before is put back when it fails. */
  async #apply(policy: NodeNetworkConfigurationPolicy): Promise<readonly string[]> {
    const { world } = this.#deps;
    const desiredState = policy.spec?.desiredState;
    if (policy.spec?.capture !== undefined && Object.keys(policy.spec.capture).length > 0) {
      throw new PatchbayError(
        'FailedToConfigure',
        'spec.capture: captures are not supported in this version; write the names into desiredState',
        { retryable: false },
      );
    }
    await world.refresh(NODE);
    const state = composePolicy(isPart(desiredState) ? desiredState : {}, await this.#view());
    if (this.#due(state).length === 0) {
      return state.notes;
    }
    await this.#enactments.write(policy, stages.progressing());
    const before = this.#mentioned(state);
    try {
      await this.#carryOut(state);
      await this.#deps.probe();
    } catch (error) {
      await this.#rollBack(before, state, error);
      throw error;
    } finally {
      this.#deps.changed();
    }
    return state.notes;
  }

  /** A bridge of Open vSwitch has an interface only once it is made: what stands on it comes in a second pass. */
  async #carryOut(state: PolicyState): Promise<void> {
    for (let pass = 0; pass < 2; pass += 1) {
      const names = new Set((await this.#deps.ip.interfaces()).map(({ name }) => name));
      const coming = new Set(
        state.desired.flatMap((one) => (one.kind === 'ovs-bridge' && !names.has(one.name) ? [one.name] : [])),
      );
      const due = this.#due(state).filter((operation) => !standsOn(operation, coming));
      throwFailures(await this.#deps.world.apply(NODE, due));
      await this.#deps.world.refresh(NODE);
    }
    const left = this.#due(state);
    if (left.length > 0) {
      const ids = left.map((operation) =>
        resourceId(operation.op === 'delete' ? operation.from : operation.to),
      );
      throw new PatchbayError(
        'FailedToConfigure',
        `after applying, the node still differs in ${ids.join(', ')}`,
      );
    }
  }

  async #rollBack(before: readonly Resource[], state: PolicyState, cause: unknown): Promise<void> {
    try {
      await this.#deps.world.refresh(NODE);
      throwFailures(await this.#deps.world.apply(NODE, diff(before, this.#mentioned(state))));
      await this.#deps.world.refresh(NODE);
    } catch (error) {
      throw new PatchbayError(
        'FailedToConfigure',
        `rolling back desired state configuration failed as well: ${messageOf(error)}; the failure before: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  #due(state: PolicyState): readonly Operation[] {
    return diff(state.desired, this.#mentioned(state));
  }

  /** What is there of what the policy speaks of; what of it is not desired is to be taken away. */
  #mentioned(state: PolicyState): readonly Resource[] {
    const ids = new Set([...state.desired, ...state.removed].map(resourceId));
    return this.#deps.world.observed(NODE).filter((one) => ids.has(resourceId(one)));
  }

  async #view(): Promise<NodeView> {
    return {
      ...this.#deps.abilities,
      interfaces: await this.#deps.ip.interfaces(),
      observed: this.#deps.world.observed(NODE),
      foreignBridges: FOREIGN_BRIDGES,
    };
  }
}

function standsOn(operation: Operation, names: ReadonlySet<string>): boolean {
  const subject = operation.op === 'delete' ? operation.from : operation.to;
  switch (subject.kind) {
    case 'link':
      return names.has(subject.name);
    case 'address':
    case 'route':
      return names.has(subject.link);
    default:
      return false;
  }
}
