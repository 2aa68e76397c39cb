/** Tells in the status of definitions of OVN networks who shares the network, and which nodes lack the physical one. */
import { node } from '#api/core/node.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { mappingsOf } from '#api/nmstate.io/bridge-mappings.ts';
import { nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { setCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { conditionsOf } from './conditions.ts';

const byNetwork = 'ovn-network';

/** The controller; keys are those of definitions. */
export function createNetworkAttachmentDefinitionController(
  factory: InformerFactory,
  deps: ControllerDeps,
): Controller {
  const nads = factory.informer(networkAttachmentDefinition, { indexes: { [byNetwork]: networksOf } });
  const states = factory.informer(nodeNetworkState);
  const nodes = factory.informer(node);
  const siblings = (nad: NetworkAttachmentDefinition): readonly string[] =>
    networksOf(nad).flatMap((name) => nads.byIndex(byNetwork, name).map(keyOf));
  const localnets = (): readonly string[] =>
    nads.list().flatMap((nad) => (isLocalnet(nad) ? [keyOf(nad)] : []));
  return {
    name: 'network-attachment-definition',
    sources: [
      source(nads, ({ type, object, old }) =>
        type === 'updated' && object.spec?.config === old?.spec?.config
          ? []
          : [keyOf(object), ...siblings(object), ...(old === undefined ? [] : siblings(old))],
      ),
      source(states, ({ object, old }) =>
        old !== undefined && equal([...mappingsOf(object)], [...mappingsOf(old)]) ? [] : localnets(),
      ),
      source(nodes, ({ type }) => (type === 'updated' ? [] : localnets())),
    ],
    async reconcile(key) {
      const [namespace = '', name = ''] = key.split('/');
      const nad = nads.get({ namespace, name });
      if (nad === undefined || nad.metadata.deletionTimestamp !== undefined) {
        return undefined;
      }
      const peers = networksOf(nad)
        .flatMap((network) => nads.byIndex(byNetwork, network))
        .filter((one) => keyOf(one) !== key);
      const mapped = nodes.list().map(({ metadata }) => {
        const state = states.get({ name: metadata.name });
        const isKnown = state?.status?.currentState !== undefined;
        return { name: metadata.name, mappings: isKnown ? mappingsOf(state) : undefined };
      });
      const wanted = conditionsOf(nad, peers, mapped);
      const kept = (nad.status?.conditions ?? []).filter(({ type }) =>
        wanted.some((one) => one.type === type),
      );
      const conditions = wanted.reduce(
        (list: NonNullable<typeof nad.status>['conditions'], one) =>
          setCondition(list, one, deps.clock.now()),
        kept,
      );
      const now = { ...nad.status, conditions };
      const patch =
        nad.status === undefined && wanted.length === 0 ? undefined : statusPatch(nad.status, now);
      if (patch !== undefined) {
        await factory.client
          .patch(networkAttachmentDefinition, { namespace, name }, patch, { subresource: 'status' })
          .catch(ignoreGone);
      }
      return undefined;
    },
  };
}

function networksOf(nad: NetworkAttachmentDefinition): readonly string[] {
  const network = ovnNetworkOfText(nad.spec?.config);
  return network === undefined ? [] : [network.name];
}

function isLocalnet(nad: NetworkAttachmentDefinition): boolean {
  return ovnNetworkOfText(nad.spec?.config)?.topology === 'localnet';
}

/** Gone, or of a server whose definitions have no status: then there is nowhere to tell it. */
function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
