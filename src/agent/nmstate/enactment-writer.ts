/** Writes this node's enactments of policies. */

import { apiVersionOf } from '#api/kind.ts';
import {
  type NodeNetworkConfigurationEnactment,
  nodeNetworkConfigurationEnactment,
} from '#api/nmstate.io/node-network-configuration-enactment.ts';
import {
  type NodeNetworkConfigurationPolicy,
  nodeNetworkConfigurationPolicy,
} from '#api/nmstate.io/node-network-configuration-policy.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { Clock } from '#machinery/clock.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { Informer } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { enactmentName, enactmentStatus, nodeLabel, policyLabel, type Stage } from './enactment.ts';

/** What it works with. */
export interface EnactmentWriterDeps {
  readonly nodeName: string;
  readonly client: ApiClient;
  readonly enactments: Informer<NodeNetworkConfigurationEnactment>;
  readonly clock: Clock;
}

const kind = nodeNetworkConfigurationEnactment;

/** Enactments by policy. */
export class EnactmentWriter {
  readonly #deps: EnactmentWriterDeps;
  /** What was written last: the informer may not show it yet. */
  readonly #written = new Map<string, NodeNetworkConfigurationEnactment['status']>();

  constructor(deps: EnactmentWriterDeps) {
    this.#deps = deps;
  }

  /** The enactment as the informer has it. */
  get(policy: string): NodeNetworkConfigurationEnactment | undefined {
    return this.#deps.enactments.get({ name: enactmentName(this.#deps.nodeName, policy) });
  }

  /** Tells how far a policy is; nothing is written when that was told. */
  async write(policy: NodeNetworkConfigurationPolicy, stage: Stage, retryCount = 0): Promise<void> {
    const { client, nodeName, clock } = this.#deps;
    const name = enactmentName(nodeName, policy.metadata.name);
    const before = this.#written.get(name) ?? this.get(policy.metadata.name)?.status;
    const status = enactmentStatus(before, policy, stage, retryCount, clock.now());
    const patch = statusPatch(before, status);
    if (patch === undefined) {
      return;
    }
    const labels = { [policyLabel]: policy.metadata.name, [nodeLabel]: nodeName };
    try {
      await client.patch(kind, { name }, patch, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
      await client.create(kind, { metadata: { name, labels, ownerReferences: [ownerOf(policy)] } });
      await client.patch(kind, { name }, { type: 'merge', body: { status } }, { subresource: 'status' });
    }
    this.#written.set(name, status);
  }

  /** A policy that is gone or for other nodes changes nothing on the node; only its enactment goes. */
  async withdraw(policy: string): Promise<void> {
    const name = enactmentName(this.#deps.nodeName, policy);
    this.#written.delete(name);
    if (this.get(policy) === undefined) {
      return;
    }
    try {
      await this.#deps.client.delete(kind, { name });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function ownerOf({ metadata }: NodeNetworkConfigurationPolicy): {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
} {
  const owner = nodeNetworkConfigurationPolicy;
  return { apiVersion: apiVersionOf(owner), kind: owner.kind, name: metadata.name, uid: metadata.uid ?? '' };
}
