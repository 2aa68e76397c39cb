/** Whether a node can take a pod. Reasons are worded as the upstream scheduler's. */
import type { Node } from '#api/core/node.ts';
import type { Pod } from '#api/core/pod.ts';
import { hasCondition } from '#machinery/conditions.ts';
import { includesLabels, matchesLabelSelector, meets } from '#machinery/selectors.ts';
import { type Amounts, podRequests } from './resources.ts';
import { untoleratedTaint } from './taints.ts';

/** A node as the scheduler sees it: with the pods on it and those on their way to it. */
export interface NodeView {
  readonly node: Node;
  readonly allocatable: Amounts;
  readonly used: Amounts;
  readonly pods: readonly Pod[];
  /** Physical network -> bridge; undefined while the node's state is not known. */
  readonly mappings?: ReadonlyMap<string, string> | undefined;
}

/** Why a node does not take a pod. */
export interface Rejection {
  readonly reason: string;
  /** Whether the node could take it if other pods left. */
  readonly mayFitLater: boolean;
  /** The resource that is short. */
  readonly resource?: string;
  /** The physical network that no bridge of the node stands for. */
  readonly physicalNetwork?: string;
}

type Filter = (pod: Pod, view: NodeView, all: readonly NodeView[]) => readonly Rejection[];

/** In upstream's order: the first filter with an objection is the one reported. */
const filters: readonly Filter[] = [unschedulable, taints, ready, affinity, ports, resources, podAffinity];

/**
 * Why `view` does not take `pod`; empty when it does. `all` is every node, for rules about neighbours.
 * @param physicalNetworks names of those that the pod needs
 */
export function rejections(
  pod: Pod,
  view: NodeView,
  all: readonly NodeView[],
  physicalNetworks: readonly string[] = [],
): readonly Rejection[] {
  for (const filter of filters) {
    const found = filter(pod, view, all);
    if (found.length > 0) {
      return found;
    }
  }
  return unmapped(view, physicalNetworks);
}

/** Without a mapping the pod would be told so on the node, and wait there for ever. */
function unmapped({ mappings }: NodeView, physicalNetworks: readonly string[]): readonly Rejection[] {
  return physicalNetworks
    .filter((name) => mappings?.has(name) === false)
    .map((physicalNetwork) => ({
      reason: `node(s) had no bridge mapping for physical network "${physicalNetwork}"`,
      mayFitLater: false,
      physicalNetwork,
    }));
}

function unschedulable(pod: Pod, { node }: NodeView): readonly Rejection[] {
  const tolerated = pod.spec.tolerations?.some(
    ({ key, operator }) =>
      (key === 'node.kubernetes.io/unschedulable' || key === undefined) && operator === 'Exists',
  );
  return node.spec?.unschedulable === true && tolerated !== true ? never('node(s) were unschedulable') : [];
}

function taints(pod: Pod, { node }: NodeView): readonly Rejection[] {
  const taint = untoleratedTaint(pod, node);
  return taint === undefined
    ? []
    : never(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
}

function ready(_pod: Pod, { node }: NodeView): readonly Rejection[] {
  return hasCondition(node.status?.conditions, 'Ready') ? [] : never('node(s) were not ready');
}

function affinity(pod: Pod, { node }: NodeView): readonly Rejection[] {
  return matchesNodeAffinity(pod.spec, node)
    ? []
    : never("node(s) didn't match Pod's node affinity/selector");
}

/** Whether a node is one that a pod's node selector and required node affinity ask for. */
export function matchesNodeAffinity(spec: Pod['spec'], node: Node): boolean {
  const terms =
    spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return (
    includesLabels(node.metadata.labels ?? {}, spec.nodeSelector) &&
    (terms === undefined || terms.some((term) => termMatches(term, node)))
  );
}

type Affinity = NonNullable<Pod['spec']['affinity']>;
type Required = NonNullable<
  NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>;

/** A term without requirements selects nothing, as upstream. */
function termMatches(term: Required['nodeSelectorTerms'][number], node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  const fields = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.length + matchFields.length > 0 &&
    matchExpressions.every((requirement) => meets(requirement, node.metadata.labels ?? {})) &&
    matchFields.every((requirement) => meets(requirement, fields))
  );
}

/** Ports of the node that containers take, on one address or all. */
function hostPorts({ spec }: Pod) {
  return [...spec.containers, ...(spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always')]
    .flatMap((container) => container.ports ?? [])
    .filter(({ hostPort }) => hostPort !== undefined && hostPort > 0)
    .map(({ hostPort, protocol = 'TCP', hostIP = '' }) => ({
      id: `${protocol} ${hostPort}`,
      ip: hostIP === '' ? '0.0.0.0' : hostIP,
    }));
}

function ports(pod: Pod, { pods }: NodeView): readonly Rejection[] {
  const wanted = hostPorts(pod);
  const taken = wanted.length === 0 ? [] : pods.flatMap(hostPorts);
  const isTaken = wanted.some(({ id, ip }) =>
    taken.some((one) => one.id === id && (one.ip === ip || one.ip === '0.0.0.0' || ip === '0.0.0.0')),
  );
  const reason = "node(s) didn't have free ports for the requested pod ports";
  return isTaken ? [{ reason, mayFitLater: true }] : [];
}

function resources(pod: Pod, { allocatable, used }: NodeView): readonly Rejection[] {
  const short: Rejection[] = [];
  for (const [resource, amount] of podRequests(pod)) {
    const total = allocatable.get(resource) ?? (resource === 'pods' ? 110 : 0);
    if (amount > 0 && amount + (used.get(resource) ?? 0) > total) {
      const reason = resource === 'pods' ? 'Too many pods' : `Insufficient ${resource}`;
      short.push({ reason, mayFitLater: amount <= total, resource });
    }
  }
  return short;
}

type PodTerm = NonNullable<
  NonNullable<Affinity['podAntiAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>[number];

function podAffinity(pod: Pod, view: NodeView, all: readonly NodeView[]): readonly Rejection[] {
  const { podAffinity: wanted, podAntiAffinity: unwanted } = pod.spec.affinity ?? {};
  const near = (term: PodTerm): readonly Pod[] => neighbours(pod, term, view, all);
  for (const term of wanted?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    // The first pod of a group that wants to be together may go anywhere.
    const alone =
      all.every((other) => matching(pod, term, other.pods).length === 0) &&
      matching(pod, term, [pod]).length > 0;
    if (near(term).length === 0 && !alone) {
      return never("node(s) didn't match pod affinity rules");
    }
  }
  for (const term of unwanted?.requiredDuringSchedulingIgnoredDuringExecution ?? []) {
    if (near(term).length > 0) {
      return [{ reason: "node(s) didn't match pod anti-affinity rules", mayFitLater: true }];
    }
  }
  const home = view.node.metadata.labels ?? {};
  const refused = exclusive(all).some(
    ({ owner, term, place }) =>
      place !== undefined && home[term.topologyKey] === place && matching(owner, term, [pod]).length > 0,
  );
  return refused
    ? [{ reason: "node(s) didn't satisfy existing pods anti-affinity rules", mayFitLater: true }]
    : [];
}

interface ExclusiveTerm {
  readonly owner: Pod;
  readonly term: PodTerm;
  readonly place: string | undefined;
}

const exclusiveTerms = new WeakMap<readonly NodeView[], readonly ExclusiveTerm[]>();

/** The terms by which pods already placed keep others away; gathered once for one look at all nodes. */
function exclusive(all: readonly NodeView[]): readonly ExclusiveTerm[] {
  const known = exclusiveTerms.get(all);
  if (known !== undefined) {
    return known;
  }
  const terms = all.flatMap(({ node, pods }) =>
    pods.flatMap((owner) =>
      (owner.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(
        (term) => ({
          owner,
          term,
          place: node.metadata.labels?.[term.topologyKey],
        }),
      ),
    ),
  );
  exclusiveTerms.set(all, terms);
  return terms;
}

function neighbours(pod: Pod, term: PodTerm, view: NodeView, all: readonly NodeView[]): readonly Pod[] {
  const place = view.node.metadata.labels?.[term.topologyKey];
  return place === undefined
    ? []
    : all
        .filter(({ node }) => node.metadata.labels?.[term.topologyKey] === place)
        .flatMap(({ pods }) => matching(pod, term, pods));
}

/** The pods a term of `pod` is about. `namespaceSelector` beyond the empty one ("every namespace") selects none. */
function matching(pod: Pod, term: PodTerm, pods: readonly Pod[]): readonly Pod[] {
  const everywhere = term.namespaceSelector !== undefined && Object.keys(term.namespaceSelector).length === 0;
  const namespaces = term.namespaces ?? [pod.metadata.namespace ?? ''];
  return pods.filter(
    ({ metadata }) =>
      (everywhere || namespaces.includes(metadata.namespace ?? '')) &&
      matchesLabelSelector(term.labelSelector, metadata.labels),
  );
}

function never(reason: string): readonly Rejection[] {
  return [{ reason, mayFitLater: false }];
}
