/** Tells in a NodeNetworkConfigurationPolicy's status how far its nodes are; the nodes' agents do the work. */
import { node } from '#api/core/node.ts';
import {
  type NodeNetworkConfigurationEnactment,
  nodeNetworkConfigurationEnactment,
} from '#api/nmstate.io/node-network-configuration-enactment.ts';
import { nodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { composePolicyStatus, nodeLabel, policyLabel } from './aggregate.ts';

/** The NodeNetworkConfigurationPolicy controller. */
export function createNodeNetworkPolicyController(
  factory: InformerFactory,
  deps: ControllerDeps,
): Controller {
  const policies = factory.informer(nodeNetworkConfigurationPolicy);
  const enactments = factory.informer(nodeNetworkConfigurationEnactment, {
    indexes: { policy: (enactment) => policyOf(enactment) },
  });
  const nodes = factory.informer(node);
  const all = (): readonly string[] => policies.list().map(({ metadata }) => metadata.name);
  return {
    name: 'node-network-configuration-policy',
    sources: [
      source(policies, ({ object }) => [object.metadata.name]),
      source(enactments, ({ object }) => policyOf(object)),
      source(nodes, ({ type, object, old }) =>
        type === 'updated' && equal(object.metadata.labels, old?.metadata.labels) ? [] : all(),
      ),
    ],
    async reconcile(name) {
      const policy = policies.get({ name });
      if (policy === undefined || policy.metadata.deletionTimestamp !== undefined) {
        return undefined;
      }
      const mine = enactments.byIndex('policy', name);
      await dropOrphans(mine);
      const status = composePolicyStatus({
        policy,
        nodes: nodes.list(),
        enactments: mine,
        now: deps.clock.now(),
      });
      const patch = statusPatch(policy.status, status, { resourceVersion: policy.metadata.resourceVersion });
      if (patch !== undefined) {
        await factory.client
          .patch(nodeNetworkConfigurationPolicy, { name }, patch, { subresource: 'status' })
          .catch(ignoreGone);
      }
      return undefined;
    },
  };

  /** The agent of a node that is gone cannot take its enactments back. */
  async function dropOrphans(mine: readonly NodeNetworkConfigurationEnactment[]): Promise<void> {
    for (const { metadata } of mine) {
      const name = metadata.labels?.[nodeLabel];
      if (name !== undefined && nodes.get({ name }) === undefined) {
        await factory.client
          .delete(nodeNetworkConfigurationEnactment, { name: metadata.name })
          .catch(ignoreGone);
      }
    }
  }
}

function policyOf({ metadata }: NodeNetworkConfigurationEnactment): readonly string[] {
  const label = metadata.labels?.[policyLabel];
  return label === undefined ? [] : [label];
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) {
    throw error;
  }
  return undefined;
}
