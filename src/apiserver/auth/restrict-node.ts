/**
 * What the authorizer cannot see because it is in the body (upstream's admission NodeRestriction, and OVN-Kubernetes' for
 * annotations): an agent creates only objects of its own node and changes of them only what is its to tell.
 */
import type { KindDefinition } from '#api/kind.ts';
import type { Store } from '#store/store.ts';
import { forbidden, qualified } from '../api-errors.ts';
import { deepEqual } from '../patch/equal.ts';
import { isRecord } from '../registry/metadata.ts';
import type { ApiObject } from '../registry/objects.ts';
import { enactmentNodeLabel, isEnactmentOf } from './node-enactments.ts';
import { forbiddenNodeLabels } from './node-labels.ts';
import { nodeOf, type User } from './user.ts';

type Texts = Readonly<Record<string, string>>;

/** An object that an agent writes. */
interface Written {
  readonly store: Store;
  readonly node: string;
  readonly object: ApiObject;
  readonly old: ApiObject | undefined;
}

/** Why an agent may not write the object so; undefined when it may. */
type Check = (written: Written) => string | undefined;

const checks: Readonly<Record<string, Check>> = {
  nodes: (written) => ownName(written) ?? checkNode(written),
  'leases.coordination.k8s.io': ownName,
  'nodenetworkstates.nmstate.io': ownName,
  'nodenetworkconfigurationenactments.nmstate.io': checkEnactment,
  pods: checkPod,
  'virtualmachineinstances.kubevirt.io': checkInstance,
};

/** Annotations that an agent tells about a pod; all others are told to it. */
const podAnnotations: ReadonlySet<string> = new Set([
  'k8s.v1.cni.cncf.io/network-status',
  'k8s.v1.cni.cncf.io/networks-status',
]);
/** Addresses of nodes and pods are given out by the control plane. */
const givenPrefix = 'k8s.ovn.org/';

/** Throws 403 when a node's agent writes what is not its own. */
export function restrictNode(
  store: Store,
  user: User,
  kind: KindDefinition,
  object: ApiObject,
  old: ApiObject | undefined,
): void {
  const node = nodeOf(user);
  const why = node === undefined ? undefined : checks[qualified(kind)]?.({ store, node, object, old });
  if (why !== undefined) {
    throw forbidden(kind, object.metadata.name, `node ${JSON.stringify(node)} ${why}`);
  }
}

function ownName({ node, object }: Written): string | undefined {
  const { name } = object.metadata;
  return name === node ? undefined : `is not allowed to modify objects of node ${JSON.stringify(name)}`;
}

function checkNode({ object, old }: Written): string | undefined {
  const { labels = {}, annotations = {} } = object.metadata;
  const wrong = forbiddenNodeLabels(changedKeys(labels, old?.metadata.labels ?? {}));
  if (wrong.length > 0) {
    return old === undefined
      ? `is not allowed to set the following labels: ${wrong.join(', ')}`
      : `is not allowed to modify labels: ${wrong.join(', ')}`;
  }
  const given = changedKeys(annotations, old?.metadata.annotations ?? {}).filter((key) =>
    key.startsWith(givenPrefix),
  );
  if (given.length > 0) {
    return `is not allowed to modify annotations: ${given.join(', ')}`;
  }
  if (old === undefined) {
    return undefined;
  }
  if (!deepEqual(fieldOf(object, 'spec', 'taints'), fieldOf(old, 'spec', 'taints'))) {
    return 'is not allowed to modify taints';
  }
  return deepEqual(object.metadata.ownerReferences, old.metadata.ownerReferences)
    ? undefined
    : 'is not allowed to modify ownerReferences';
}

function checkEnactment({ store, node, object, old }: Written): string | undefined {
  const { name, labels = {} } = object.metadata;
  const label = labels[enactmentNodeLabel];
  const own = (label === undefined || label === node) && isEnactmentOf(store, node, name);
  return own || (old !== undefined && label === node)
    ? undefined
    : 'is not allowed to modify enactments of other nodes';
}

function checkPod({ object, old }: Written): string | undefined {
  if (old === undefined) {
    return 'is not allowed to create pods';
  }
  if (!deepEqual(object.metadata.labels ?? {}, old.metadata.labels ?? {})) {
    return 'cannot update labels through pod status';
  }
  const changed = changedKeys(object.metadata.annotations ?? {}, old.metadata.annotations ?? {});
  const wrong = changed.filter((key) => !podAnnotations.has(key));
  return wrong.length === 0 ? undefined : `is not allowed to modify annotations: ${wrong.join(', ')}`;
}

function checkInstance({ object, old }: Written): string | undefined {
  if (old === undefined) {
    return 'is not allowed to create virtual machine instances';
  }
  const content = (one: ApiObject): unknown => {
    const { managedFields: _m, resourceVersion: _r, generation: _g, ...metadata } = one.metadata;
    return { metadata, spec: one['spec'], node: fieldOf(one, 'status', 'nodeName') };
  };
  return deepEqual(content(object), content(old))
    ? undefined
    : 'is not allowed to change anything but the status, nor the node';
}

function changedKeys(after: Texts, before: Texts): readonly string[] {
  const keys = new Set([...Object.keys(after), ...Object.keys(before)]);
  return [...keys].filter((key) => after[key] !== before[key]).sort();
}

function fieldOf(object: ApiObject, part: string, field: string): unknown {
  const holder = object[part];
  return isRecord(holder) ? holder[field] : undefined;
}
