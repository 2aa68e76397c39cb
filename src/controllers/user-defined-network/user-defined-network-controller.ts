/** Renders NetworkAttachmentDefinitions for UserDefinedNetworks and ClusterUserDefinedNetworks, and protects them while in use. */
import { namespace as namespaceKind } from '#api/core/namespace.ts';
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { definitionsOf } from '#api/k8s.cni.cncf.io/network-users.ts';
import {
  type ClusterUserDefinedNetwork,
  clusterUserDefinedNetwork,
} from '#api/k8s.ovn.org/cluster-user-defined-network.ts';
import { type UserDefinedNetwork, userDefinedNetwork } from '#api/k8s.ovn.org/user-defined-network.ts';
import type { KubeObject } from '#api/meta.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import type { InformerEvent, InformerFactory } from '#machinery/informer.ts';
import { matchesLabelSelector } from '#machinery/selectors.ts';
import { byDefinition, type NetworkDeps, type NetworkInput, reconcileNetwork } from './reconcile.ts';

/** The controllers of both kinds. */
export function createUserDefinedNetworkControllers(
  factory: InformerFactory,
  deps: ControllerDeps,
): Controller[] {
  const nads = factory.informer(networkAttachmentDefinition);
  const namespaces = factory.informer(namespaceKind);
  const pods = factory.informer(podKind, { indexes: { [byDefinition]: definitionsOf } });
  const nodes = factory.informer(nodeKind);
  const shared: NetworkDeps = { client: factory.client, clock: deps.clock, nads, namespaces, pods, nodes };
  const networks = factory.informer(userDefinedNetwork);
  const clusterNetworks = factory.informer(clusterUserDefinedNetwork);
  const all = (): readonly string[] => clusterNetworks.list().map(({ metadata }) => metadata.name);
  const routed = (): readonly string[] =>
    clusterNetworks
      .list()
      .flatMap(({ metadata, spec }) => (spec.network.layer3 === undefined ? [] : [metadata.name]));
  return [
    {
      name: 'user-defined-network',
      sources: [
        source(networks, ({ object }) => [keyOf(object)]),
        // Another primary network of the namespace may have gone: all of the namespace are looked at.
        source(nads, ({ object }) => networks.list(object.metadata.namespace).map(keyOf)),
        source(pods, (event) => (isRelease(event) ? definitionsOf(event.old ?? event.object) : [])),
        source(nodes, (event) =>
          changesParts(event)
            ? networks
                .list()
                .filter(({ spec }) => spec.layer3 !== undefined)
                .map(keyOf)
            : [],
        ),
      ],
      async reconcile(key) {
        const [namespace = '', name = ''] = key.split('/');
        const found = networks.get({ namespace, name });
        if (found !== undefined) {
          await reconcileNetwork(inputOf(found), shared);
        }
        return undefined;
      },
    },
    {
      name: 'cluster-user-defined-network',
      sources: [
        source(clusterNetworks, ({ object }) => [object.metadata.name]),
        source(nads, ({ object }) =>
          clusterNetworks.get({ name: object.metadata.name }) === undefined ? all() : [object.metadata.name],
        ),
        source(nodes, (event) => (changesParts(event) ? routed() : [])),
        source(namespaces, ({ type, object, old }) =>
          type === 'updated' && isSamePlace(object, old) ? [] : all(),
        ),
        source(pods, (event) =>
          isRelease(event)
            ? definitionsOf(event.old ?? event.object).map((key) => key.split('/')[1] ?? '')
            : [],
        ),
      ],
      async reconcile(name) {
        const found = clusterNetworks.get({ name });
        if (found !== undefined) {
          await reconcileNetwork(clusterInputOf(found, namespaces.list()), shared);
        }
        return undefined;
      },
    },
  ];
}

function inputOf(object: UserDefinedNetwork): NetworkInput {
  const { namespace = '', name } = object.metadata;
  return {
    kind: userDefinedNetwork,
    object,
    spec: object.spec,
    networkName: `${namespace}_${name}`,
    namespaces: [namespace],
    errorReason: 'SyncError',
    success: () => 'NetworkAttachmentDefinition has been created',
  };
}

function clusterInputOf(object: ClusterUserDefinedNetwork, namespaces: readonly KubeObject[]): NetworkInput {
  const { namespaceSelector, network } = object.spec;
  const chosen = namespaces.filter(
    ({ metadata }) =>
      metadata.deletionTimestamp === undefined && matchesLabelSelector(namespaceSelector, metadata.labels),
  );
  return {
    kind: clusterUserDefinedNetwork,
    object,
    spec: network,
    networkName: `cluster_udn_${object.metadata.name}`,
    namespaces: chosen.map(({ metadata }) => metadata.name).sort(),
    errorReason: 'NetworkAttachmentDefinitionSyncError',
    success: (made) =>
      `NetworkAttachmentDefinition has been created in following namespaces: [${made.join(', ')}]`,
  };
}

/** A node came or went, or got parts of networks. */
function changesParts({ type, object, old }: InformerEvent<Node>): boolean {
  const parts = (one: Node | undefined): string | undefined =>
    one?.metadata.annotations?.['k8s.ovn.org/node-subnets'];
  return type !== 'updated' || parts(object) !== parts(old);
}

/** A pod that goes or ends may be the last on its networks. */
function isRelease({ type, object, old }: InformerEvent<Pod>): boolean {
  return (
    type === 'deleted' || (old !== undefined && definitionsOf(old).length > definitionsOf(object).length)
  );
}

function isSamePlace(object: KubeObject, old: KubeObject | undefined): boolean {
  const labels = (one: KubeObject | undefined): string => JSON.stringify(one?.metadata.labels ?? {});
  return (
    labels(object) === labels(old) && object.metadata.deletionTimestamp === old?.metadata.deletionTimestamp
  );
}
