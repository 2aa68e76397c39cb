/** Fields of a pod and resources of its containers as text, for variables and files. Pure. */
import type { Container, Pod } from '#api/core/pod.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { milliValue, parseQuantity } from '#machinery/quantity.ts';

/** What is known of a pod besides its object. */
export interface PodFacts {
  readonly podIPs: readonly string[];
  readonly hostIPs: readonly string[];
  /** URL of the API server that the node and its pods reach. */
  readonly apiServer: string;
  /** Of the node; what an unlimited container may use. */
  readonly cpus: number;
  readonly memory: number;
}

/** Value of a `fieldRef`. @throws PatchbayError `CreateContainerConfigError` */
export function fieldValue(pod: Pod, facts: PodFacts, fieldPath: string): string {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const map = subscript[1] === 'labels' ? metadata.labels : metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (fieldPath) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(metadata.labels);
    case 'metadata.annotations':
      return formatMap(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.hostIP':
      return facts.hostIPs[0] ?? '';
    case 'status.hostIPs':
      return facts.hostIPs.join(',');
    case 'status.podIP':
      return facts.podIPs[0] ?? '';
    case 'status.podIPs':
      return facts.podIPs.join(',');
    default:
      throw new PatchbayError(
        'CreateContainerConfigError',
        `fieldPath "${fieldPath}" is not supported; allowed are metadata.name, metadata.namespace, metadata.uid, metadata.labels, metadata.annotations, spec.nodeName, spec.serviceAccountName, status.hostIP, status.podIP and their lists`,
        { retryable: false },
      );
  }
}

/** `key="value"` lines, as kubelet writes maps. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

/**
 * Value of a `resourceFieldRef`: rounded up to whole divisors. Without a limit of its own a container has the pod's, else the
 * node's. @throws PatchbayError `CreateContainerConfigError`
 */
export function resourceValue(
  container: Container,
  { resources: whole }: Pick<Pod['spec'], 'resources'>,
  facts: PodFacts,
  reference: { readonly resource: string; readonly divisor?: string | number | undefined },
): string {
  const [kind, resource] = split(reference.resource);
  const { limits, requests } = container.resources ?? {};
  const given = kind === 'limits' ? (limits?.[resource] ?? whole?.limits?.[resource]) : requests?.[resource];
  const capacity = { cpu: facts.cpus, memory: facts.memory }[resource];
  const value = given === undefined ? (kind === 'limits' ? (capacity ?? 0) : 0) : parseQuantity(given);
  const asked = reference.divisor ?? '1';
  const divisor = parseQuantity(asked) === 0 ? 1 : parseQuantity(asked);
  return String(Math.ceil(milliValue(value) / (divisor * 1000)));
}

function split(path: string): readonly [string, string] {
  const match = /^(limits|requests)\.(.+)$/.exec(path);
  if (match === null) {
    throw new PatchbayError(
      'CreateContainerConfigError',
      `resource "${path}" is not limits.… or requests.…`,
      {
        retryable: false,
      },
    );
  }
  return [match[1] ?? '', match[2] ?? ''];
}
