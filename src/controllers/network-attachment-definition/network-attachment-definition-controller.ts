/** Tells in the status of definitions of OVN networks who shares the network, and which nodes lack the physical one. */
import { type Node, node } from '#api/core/node.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { mappingsOf } from '#api/nmstate.io/bridge-mappings.ts';
import { type NodeNetworkState, nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { type NodeWires, wiresOf } from '#api/nmstate.io/wires.ts';
import { setCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { conditionsOf } from './conditions.ts';

const byNetwork = 'ovn-network';

/** What the controller is made with. */
export interface DefinitionDeps extends ControllerDeps {
  /** Largest packet of the default pod network, bytes; networks that name no MTU follow it. */
  readonly podMtu?: number;
}

/** The controller; keys are those of definitions. */
export function createNetworkAttachmentDefinitionController(
  factory: InformerFactory,
  deps: DefinitionDeps,
): Controller {
  const nads = factory.informer(networkAttachmentDefinition, { indexes: { [byNetwork]: networksOf } });
  const states = factory.informer(nodeNetworkState);
  const nodes = factory.informer(node);
  const siblings = (nad: NetworkAttachmentDefinition): readonly string[] =>
    networksOf(nad).flatMap((name) => nads.byIndex(byNetwork, name).map(keyOf));
  const ofOvn = (): readonly string[] =>
    nads.list().flatMap((nad) => (networksOf(nad).length > 0 ? [keyOf(nad)] : []));
  const wiresWith = (state: NodeNetworkState | undefined): NodeWires | undefined => {
    const found = state === undefined ? undefined : nodes.get({ name: state.metadata.name });
    return found === undefined ? undefined : wiresOf(found, state);
  };
  return {
    name: 'network-attachment-definition',
    sources: [
      source(nads, ({ type, object, old }) =>
        type === 'updated' && object.spec?.config === old?.spec?.config
          ? []
          : [keyOf(object), ...siblings(object), ...(old === undefined ? [] : siblings(old))],
      ),
      source(states, ({ object, old }) => {
        const isSame =
          old !== undefined &&
          equal([...mappingsOf(object)], [...mappingsOf(old)]) &&
          equal(plain(wiresWith(object)), plain(wiresWith(old)));
        return isSame ? [] : ofOvn();
      }),
      source(nodes, ({ type, object, old }) =>
        type === 'updated' && equal(addressesOf(object), addressesOf(old)) ? [] : ofOvn(),
      ),
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
      const wires = nodes.list().map((one) => wiresOf(one, states.get({ name: one.metadata.name })));
      const wanted = conditionsOf(nad, peers, mapped, wires, deps.podMtu);
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

function plain(wires: NodeWires | undefined): unknown {
  return [wires?.underlay, ...(wires?.physical ?? [])];
}

function addressesOf(one: Node | undefined): readonly string[] {
  return (one?.status?.addresses ?? []).map(({ address }) => address);
}

/** Gone, or of a server whose definitions have no status: then there is nowhere to tell it. */
function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
