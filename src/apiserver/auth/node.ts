/** What a node's agent may do: what its job needs, on its own objects only. */
import type { Store } from '#store/store.ts';
import type { RequestInfo } from '../http/request-info.ts';
import { isRecord } from '../registry/metadata.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';
import type { Authorizer, Decision } from './authorize.ts';
import { referencesOf } from './node-references.ts';
import { nodeOf } from './user.ts';

const reads = ['get', 'list', 'watch'];
const writes = ['create', 'update', 'patch', 'delete'];
const changes = ['update', 'patch'];
const vmis = 'virtualmachineinstances.kubevirt.io';

/** One thing that is allowed. `when` decides about the object; without it every object of the resource is meant. */
interface Rule {
  /** `plural.group`, with `/subresource`. */
  readonly resource: string;
  readonly verbs: readonly string[];
  readonly when?: (request: Asked) => boolean;
}

interface Asked {
  readonly store: Store;
  readonly node: string;
  readonly info: RequestInfo;
  /** Name asked for, in the path or by a field selector. */
  readonly name: string;
}

const rules: readonly Rule[] = [
  { resource: 'nodes', verbs: reads },
  { resource: 'nodes', verbs: writes, when: isNodeItself },
  { resource: 'nodes/status', verbs: changes, when: isNodeItself },
  { resource: 'leases.coordination.k8s.io', verbs: [...writes, 'get'], when: isOwnLease },
  { resource: 'namespaces', verbs: reads },
  { resource: 'services', verbs: reads },
  { resource: 'endpointslices.discovery.k8s.io', verbs: reads },
  { resource: 'pods', verbs: ['list', 'watch'], when: selectsOwnNode },
  { resource: 'pods', verbs: ['get', 'delete'], when: isOnNode },
  { resource: 'pods/status', verbs: ['get', ...changes], when: isOnNode },
  { resource: 'configmaps', verbs: reads, when: isReferenced },
  { resource: 'secrets', verbs: reads, when: isReferenced },
  { resource: 'events', verbs: ['create', ...changes] },
  { resource: 'events.events.k8s.io', verbs: ['create', ...changes] },
  { resource: vmis, verbs: reads },
  { resource: vmis, verbs: changes, when: isOnNode },
  { resource: `${vmis}/status`, verbs: ['get', ...changes], when: isOnNode },
  { resource: 'network-attachment-definitions.k8s.cni.cncf.io', verbs: reads },
  { resource: 'nodenetworkconfigurationpolicies.nmstate.io', verbs: reads },
  { resource: 'nodenetworkstates.nmstate.io', verbs: reads },
  { resource: 'nodenetworkstates.nmstate.io', verbs: writes, when: isNodeItself },
  { resource: 'nodenetworkstates.nmstate.io/status', verbs: changes, when: isNodeItself },
  { resource: 'nodenetworkconfigurationenactments.nmstate.io', verbs: reads },
  { resource: 'nodenetworkconfigurationenactments.nmstate.io', verbs: writes, when: isOwnEnactment },
  { resource: 'nodenetworkconfigurationenactments.nmstate.io/status', verbs: changes, when: isOwnEnactment },
];

/** The authorizer of `system:nodes`. It looks into the store: what is bound to the node decides. */
export function nodeAuthorizer(store: Store): Authorizer {
  return {
    name: 'node',
    authorize(user, info): Decision {
      const node = nodeOf(user);
      if (node === undefined || !info.isResource) {
        return 'no-opinion';
      }
      const base = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
      const resource = info.subresource === '' ? base : `${base}/${info.subresource}`;
      const asked = {
        store,
        node,
        info,
        name: info.name === '' ? selected(info, 'metadata.name') : info.name,
      };
      return rules.some(
        (rule) =>
          rule.resource === resource && rule.verbs.includes(info.verb) && (rule.when?.(asked) ?? true),
      )
        ? 'allow'
        : 'no-opinion';
    },
  };
}

/** The value that a field selector demands of a field, or nothing. */
function selected(info: RequestInfo, field: string): string {
  for (const term of (info.query.get('fieldSelector') ?? '').split(',')) {
    const [left, right] = term.split(/==?/, 2);
    if (left === field && right !== undefined && !term.includes('!=')) {
      return right;
    }
  }
  return '';
}

/** On create the name is in the body, which admission checks (`restrictNode`). */
function isNodeItself({ node, info, name }: Asked): boolean {
  return info.verb === 'create' || name === node;
}

function isOwnLease({ node, info, name }: Asked): boolean {
  return info.namespace === 'kube-node-lease' && (info.verb === 'create' || name === node);
}

/** Enactments are named `NODE.POLICY`. A node's name may hold dots, so the label or the name's start must agree exactly. */
function isOwnEnactment({ node, info, name }: Asked): boolean {
  return info.verb === 'create' || isEnactmentOf(node, name);
}

/** True when an enactment's name says that it is the node's. */
export function isEnactmentOf(node: string, name: string): boolean {
  return name.startsWith(`${node}.`) && name.length > node.length + 1;
}

function selectsOwnNode({ node, info }: Asked): boolean {
  return selected(info, 'spec.nodeName') === node;
}

function isOnNode({ store, node, info }: Asked): boolean {
  const resource = info.group === '' ? info.resource : `${info.resource}.${info.group}`;
  const entry = store.head({ resource, namespace: info.namespace, name: info.name });
  return entry !== undefined && nodeNameOf(objectOf(entry)) === node;
}

/** Where a Pod or a VirtualMachineInstance runs. */
function nodeNameOf(object: ApiObject): string | undefined {
  const holder = object.kind === 'Pod' ? object['spec'] : object['status'];
  const name = isRecord(holder) ? holder['nodeName'] : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

function isReferenced({ store, node, info, name }: Asked): boolean {
  if (name === '' || info.namespace === '') {
    return false;
  }
  for (const resource of ['pods', vmis]) {
    for (const entry of store.list({ resource, namespace: info.namespace })) {
      const object = objectOf(entry);
      if (nodeNameOf(object) !== node) {
        continue;
      }
      if (
        referencesOf(object['spec']).some((each) => each.resource === info.resource && each.name === name)
      ) {
        return true;
      }
    }
  }
  return false;
}
