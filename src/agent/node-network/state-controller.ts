/** Keeps this node's NodeNetworkState: written when what is observed has changed, and only then. */
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { apiVersionOf } from '#api/kind.ts';
import { nodeNetworkState as kind, type NodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { type Clock, timestamp } from '#machinery/clock.ts';
import { type Controller, type Source, source } from '#machinery/controller.ts';
import type { Informer } from '#machinery/informer.ts';
import { equal } from '#machinery/merge-patch.ts';
import { composeCurrentState, type ObservedNetwork } from './node-network-state.ts';

/** What the loop runs with. */
export interface StateControllerOptions {
  readonly nodeName: string;
  readonly client: ApiClient;
  readonly clock: Clock;
  /** Only this node. */
  readonly nodes: Informer<Node>;
  /** Only this node's state. */
  readonly states: Informer<NodeNetworkState>;
  /** Fires after the node's network changed. */
  readonly changed: Source;
  readonly observe: () => Promise<ObservedNetwork>;
}

const version = 'patchbay';

/** Makes the loop; its only key is the node's name. */
export function createStateController(options: StateControllerOptions): Controller {
  const { nodeName, nodes } = options;
  return {
    name: 'node-network-state',
    sources: [
      options.changed,
      source(options.states, ({ type }) => (type === 'deleted' ? [nodeName] : [])),
      source(nodes, ({ type }) => (type === 'added' ? [nodeName] : [])),
    ],
    async reconcile() {
      const node = nodes.get({ name: nodeName });
      if (node !== undefined) {
        await report(options, node);
      }
      return undefined;
    },
  };
}

async function report(
  { client, clock, states, nodeName, observe }: StateControllerOptions,
  node: Node,
): Promise<void> {
  const currentState = composeCurrentState(await observe());
  const known = states.get({ name: nodeName }) ?? (await create(client, node));
  if (equal(known.status?.currentState, currentState)) {
    return;
  }
  const status = {
    currentState,
    lastSuccessfulUpdateTime: timestamp(clock.now()),
    handlerNmstateVersion: version,
  };
  // A JSON patch, because a merge patch would keep what is gone from the old state.
  await client.patch(
    kind,
    { name: nodeName },
    { type: 'json', body: [{ op: 'add', path: '/status', value: status }] },
    { subresource: 'status' },
  );
}

function create(client: ApiClient, node: Node): Promise<NodeNetworkState> {
  const { name, uid = '' } = node.metadata;
  const owner = { apiVersion: apiVersionOf(nodeKind), kind: nodeKind.kind, name, uid };
  return client.create(kind, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name, ownerReferences: [owner] },
  });
}
