/** What a pod's `PodScheduled` condition says when no node takes it: upstream's text, then what would help. */
import type { Pod } from '#api/core/pod.ts';
import { formatBytes, formatMilli } from '#machinery/quantity.ts';
import type { NodeView, Rejection } from './filters.ts';
import { podRequests } from './resources.ts';

/** A node and why it does not take the pod. */
export interface Refused {
  readonly view: NodeView;
  readonly rejections: readonly Rejection[];
}

/** Resources that say which bridges a node has. */
const bridgePrefixes = ['bridge.network.kubevirt.io/', 'ovs-cni.network.kubevirt.io/'];

/** `0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: … . <remedy>` */
export function explainRefusal(pod: Pod, refused: readonly Refused[]): string {
  if (refused.length === 0) {
    return 'no nodes available to schedule pods. Start one with "patchbay up", or see "kubectl get nodes".';
  }
  const head = `0/${refused.length} nodes are available: `;
  const reasons = refused.flatMap(({ rejections }) => rejections.map(({ reason }) => reason));
  const preemption = refused.map(({ rejections }) =>
    rejections.every(({ mayFitLater }) => mayFitLater)
      ? 'No preemption victims found for incoming pod'
      : 'Preemption is not helpful for scheduling',
  );
  const text = `${head}${histogram(reasons)}. preemption: ${head}${histogram(preemption)}.`;
  return [text, ...remedies(pod, refused)].join(' ');
}

function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(', ');
}

function remedies(pod: Pod, refused: readonly Refused[]): readonly string[] {
  const short = new Set(
    refused.flatMap(({ rejections }) => rejections.flatMap(({ resource }) => resource ?? [])),
  );
  const texts = [...short].flatMap((resource) => {
    const prefix = bridgePrefixes.find((candidate) => resource.startsWith(candidate));
    return prefix === undefined
      ? sizeRemedy(pod, resource, refused)
      : bridgeRemedy(resource, prefix, refused);
  });
  texts.push(...localnetRemedies(refused));
  const selector = pod.spec.nodeSelector ?? {};
  const unmatched = refused.some(({ rejections }) =>
    rejections.some(({ reason }) => reason.includes('selector')),
  );
  if (unmatched && Object.keys(selector).length > 0) {
    const wanted = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
    texts.push(`The node selector asks for ${wanted.join(',')}; label a node so, or change the selector.`);
  }
  return texts;
}

function bridgeRemedy(resource: string, prefix: string, refused: readonly Refused[]): readonly string[] {
  const wanted = resource.slice(prefix.length);
  const owners = new Map<string, string[]>();
  for (const { view } of refused) {
    for (const [name, amount] of view.allocatable) {
      if (name.startsWith(prefix) && amount > 0) {
        const bridge = name.slice(prefix.length);
        owners.set(bridge, [...(owners.get(bridge) ?? []), view.node.metadata.name]);
      }
    }
  }
  const has = owners.get(wanted);
  if (has !== undefined) {
    return [`Bridge ${wanted} is on ${has.join(', ')} only.`];
  }
  const list = [...owners].map(([bridge, nodes]) => `${bridge} (${nodes.join(', ')})`).join(', ');
  const near = closest(wanted, [...owners.keys()]);
  return [
    `No node has a bridge named ${wanted}; there ${list === '' ? 'are none' : `are: ${list}`}.`,
    near === undefined
      ? `Make ${wanted} with a NodeNetworkConfigurationPolicy.`
      : `Did you mean ${near}? Then mend "bridge" and the annotation k8s.v1.cni.cncf.io/resourceName of the NetworkAttachmentDefinition.`,
  ];
}

function localnetRemedies(refused: readonly Refused[]): readonly string[] {
  const wanted = new Set(
    refused.flatMap(({ rejections }) => rejections.flatMap(({ physicalNetwork }) => physicalNetwork ?? [])),
  );
  const nodesWith = (name: string): readonly string[] =>
    refused
      .filter(({ view }) => view.mappings?.has(name) === true)
      .map(({ view }) => view.node.metadata.name);
  const names = [...new Set(refused.flatMap(({ view }) => [...(view.mappings?.keys() ?? [])]))].toSorted();
  return [...wanted].map((name) => {
    const nodes = nodesWith(name);
    if (nodes.length > 0) {
      return `Physical network "${name}" is mapped on ${nodes.join(', ')} only.`;
    }
    const near = closest(name, names);
    const hint = near === undefined ? '' : ` Did you mean "${near}"?`;
    const there = names.length === 0 ? 'no node maps any' : `mapped are: ${names.join(', ')}`;
    return `Physical network "${name}" is mapped on no node; ${there}.${hint} Map it with a NodeNetworkConfigurationPolicy (desiredState.ovn.bridge-mappings), or correct the physical network of the NetworkAttachmentDefinition.`;
  });
}

function sizeRemedy(pod: Pod, resource: string, refused: readonly Refused[]): readonly string[] {
  if (resource !== 'cpu' && resource !== 'memory') {
    return [];
  }
  const format = resource === 'cpu' ? formatMilli : formatMebibytes;
  const free = refused.map(({ view }) => {
    const left = (view.allocatable.get(resource) ?? 0) - (view.used.get(resource) ?? 0);
    return `${view.node.metadata.name} ${format(Math.max(0, left))}`;
  });
  const asked = format(podRequests(pod).get(resource) ?? 0);
  return [`It asks for ${asked} of ${resource}; free: ${free.join(', ')}.`];
}

function formatMebibytes(bytes: number): string {
  return formatBytes(Math.floor(bytes / 2 ** 20) * 2 ** 20);
}

/** The candidate at most two typing mistakes away, if there is one. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const [best] = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.min(2, Math.max(1, candidate.length - 1)))
    .toSorted((a, b) => a.distance - b.distance);
  return best?.candidate;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
