/** What a node's agent may do: what its job needs, on its own objects only. */
import type { Store } from '#store/store.ts';
import { isRecord } from '../registry/metadata.ts';
import { objectOf } from '../registry/objects.ts';
import { type Attributes, selectedField, selectedLabel } from './attributes.ts';
import { type Authorizer, noOpinion, type Verdict } from './authorize.ts';
import { isEnactmentOf } from './node-enactments.ts';
import { type NodeGraph, nodeNameOf } from './node-graph.ts';
import { nodeOf, nodeUser } from './user.ts';

const reads = ['get', 'list', 'watch'];
const changes = ['update', 'patch'];
const writes = ['create', ...changes];
const vmis = 'virtualmachineinstances.kubevirt.io';
const requests = 'certificatesigningrequests.certificates.k8s.io';
/** Set by the controller when it gives an instance its node. */
const nodeLabel = 'kubevirt.io/nodeName';

/** One thing that is allowed. `when` decides about the object; without it every object of the resource is meant. */
interface Rule {
  /** `plural.group`, with `/subresource`. */
  readonly resource: string;
  readonly verbs: readonly string[];
  readonly when?: (request: Asked) => boolean;
}

interface Asked {
  readonly store: Store;
  readonly graph: NodeGraph;
  readonly node: string;
  readonly info: Attributes;
  /** Name asked for, in the path or by a field selector. */
  readonly name: string;
}

const rules: readonly Rule[] = [
  { resource: 'nodes', verbs: reads },
  { resource: 'nodes', verbs: writes, when: isNodeItself },
  { resource: 'nodes/status', verbs: changes, when: isNodeItself },
  { resource: 'leases.coordination.k8s.io', verbs: ['get', ...writes], when: isOwnLease },
  { resource: 'services', verbs: reads },
  { resource: 'pods', verbs: ['list', 'watch'], when: selectsOwnPods },
  { resource: 'pods', verbs: ['get', 'delete'], when: isOnNode },
  { resource: 'pods/status', verbs: ['get', ...changes], when: isOnNode },
  { resource: 'configmaps', verbs: reads, when: isUsed },
  { resource: 'secrets', verbs: reads, when: isUsed },
  { resource: 'serviceaccounts/token', verbs: ['create'], when: isUsed },
  { resource: requests, verbs: ['create'] },
  { resource: requests, verbs: reads, when: isOwnRequest },
  { resource: 'events', verbs: ['create'] },
  { resource: 'events', verbs: changes, when: isOwnEvent },
  { resource: vmis, verbs: ['list', 'watch'], when: selectsOwnInstances },
  { resource: vmis, verbs: ['get'], when: isOnNode },
  { resource: `${vmis}/status`, verbs: ['get', ...changes], when: isOnNode },
  { resource: 'network-attachment-definitions.k8s.cni.cncf.io', verbs: reads },
  { resource: 'nodenetworkconfigurationpolicies.nmstate.io', verbs: reads },
  { resource: 'nodenetworkstates.nmstate.io', verbs: ['get', ...writes], when: isNodeItself },
  { resource: 'nodenetworkstates.nmstate.io/status', verbs: ['get', ...changes], when: isNodeItself },
  { resource: 'nodenetworkconfigurationenactments.nmstate.io', verbs: reads },
  {
    resource: 'nodenetworkconfigurationenactments.nmstate.io',
    verbs: [...writes, 'delete'],
    when: isOwnEnactment,
  },
  {
    resource: 'nodenetworkconfigurationenactments.nmstate.io/status',
    verbs: ['get', ...changes],
    when: isOwnEnactment,
  },
];

const rulesByResource = Map.groupBy(rules, ({ resource }) => resource);

/** The authorizer of `system:nodes`. It looks at what is stored: what is bound to the node decides. */
export function nodeAuthorizer(store: Store, graph: NodeGraph): Authorizer {
  return {
    name: 'node',
    authorize(user, info): Verdict {
      const node = nodeOf(user);
      if (node === undefined || !info.isResource) {
        return noOpinion;
      }
      const base = qualifiedName(info);
      const resource = info.subresource === '' ? base : `${base}/${info.subresource}`;
      const name = info.name === '' ? selectedField(info.query, 'metadata.name') : info.name;
      const asked = { store, graph, node, info, name };
      const known = rulesByResource.get(resource)?.filter(({ verbs }) => verbs.includes(info.verb)) ?? [];
      if (known.some(({ when }) => when?.(asked) ?? true)) {
        return { decision: 'allow', reason: '' };
      }
      return known.length === 0
        ? noOpinion
        : { decision: 'no-opinion', reason: `no relationship found between node '${node}' and this object` };
    },
  };
}

function qualifiedName(info: Attributes): string {
  return info.group === '' ? info.resource : `${info.resource}.${info.group}`;
}

/** On create the name is in the body, which admission checks (`restrictNode`). */
function isNodeItself({ node, info, name }: Asked): boolean {
  return info.verb === 'create' || name === node;
}

function isOwnLease({ node, info, name }: Asked): boolean {
  return info.namespace === 'kube-node-lease' && (info.verb === 'create' || name === node);
}

function isOwnEnactment({ store, node, info, name }: Asked): boolean {
  return info.verb === 'create' || isEnactmentOf(store, node, name);
}

function selectsOwnPods({ node, info }: Asked): boolean {
  return selectedField(info.query, 'spec.nodeName') === node;
}

function selectsOwnInstances({ node, info }: Asked): boolean {
  return selectedLabel(info.query, nodeLabel) === node;
}

function isOnNode({ store, node, info }: Asked): boolean {
  const entry = store.head({
    resource: qualifiedName(info),
    namespace: info.namespace,
    name: info.name,
  });
  return entry !== undefined && nodeNameOf(objectOf(entry)) === node;
}

function isUsed({ graph, node, info, name }: Asked): boolean {
  const { resource, namespace } = info;
  const known = resource === 'configmaps' || resource === 'secrets' || resource === 'serviceaccounts';
  return known && name !== '' && namespace !== '' && graph.uses(node, resource, namespace, name);
}

/** A node reads what it asked for itself; one that is not there is nobody's. */
function isOwnRequest({ store, node, name }: Asked): boolean {
  const entry = name === '' ? undefined : store.head({ resource: requests, namespace: '', name });
  const spec = entry === undefined ? undefined : objectOf(entry)['spec'];
  return isRecord(spec) && spec['username'] === nodeUser(node);
}

/** An event tells which node it comes from. */
function isOwnEvent({ store, node, info }: Asked): boolean {
  const entry = store.head({ resource: 'events', namespace: info.namespace, name: info.name });
  const event = entry === undefined ? undefined : objectOf(entry);
  const source = event?.['source'];
  return event?.['reportingInstance'] === node || (isRecord(source) && source['host'] === node);
}
