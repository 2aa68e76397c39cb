/** Which networks a pod asks for: Multus' annotations, parsed. Pure. */
import { isRecord } from '#cni/config.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { normalMac } from '#node-state/mac.ts';

export const networksAnnotation = 'k8s.v1.cni.cncf.io/networks';
export const networkStatusAnnotation = 'k8s.v1.cni.cncf.io/network-status';

/** One network asked for. */
export interface Selection {
  readonly name: string;
  readonly namespace: string;
  /** Name of the pod's end; `net1`, `net2`, … in order when not asked for. */
  readonly interfaceName: string;
  readonly mac?: string;
}

/** One entry of the network-status annotation. */
export interface NetworkStatus {
  readonly name: string;
  readonly interface: string;
  readonly ips?: readonly string[];
  readonly mac: string;
  readonly mtu?: number;
  readonly default?: boolean;
  readonly dns: Readonly<Record<string, unknown>>;
  readonly gateway?: readonly string[];
}

/** Namespaces whose networks every pod may use, as OpenShift configures Multus. */
const globalNamespaces = ['default', 'openshift-multus', 'openshift-sriov-network-operator', 'openshift-cnv'];

/**
 * Parses the annotation: a JSON list, or `[<namespace>/]<name>[@<interface>],…`.
 * Throws a PatchbayError `InvalidNetworkSelection` that says which element is wrong.
 */
export function parseSelections(annotation: string | undefined, podNamespace: string): readonly Selection[] {
  const text = annotation?.trim() ?? '';
  if (text === '') {
    return [];
  }
  const elements = text.startsWith('[')
    ? parseList(text)
    : text.split(',').map((part) => parseShort(part.trim()));
  return elements.map((element, index) => selectionOf(element, index, podNamespace));
}

function parseList(text: string): readonly Record<string, unknown>[] {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter(isRecord) : [];
  } catch (cause) {
    throw refuse(`is no JSON list: ${String(cause)}`);
  }
}

function parseShort(part: string): Record<string, unknown> {
  const match = /^(?:([a-z0-9-]+)\/)?([a-z0-9][a-z0-9.-]*)(?:@([A-Za-z0-9_.-]{1,15}))?$/.exec(part);
  if (match === null) {
    throw refuse(`has "${part}"; allowed are <name>, <namespace>/<name> and <name>@<interface>`);
  }
  const [, namespace, name, interfaceName] = match;
  return { name, namespace, interface: interfaceName };
}

function selectionOf(element: Record<string, unknown>, index: number, podNamespace: string): Selection {
  const { name, namespace, mac } = element;
  const asked = element['interface'] ?? element['interfaceRequest'];
  if (typeof name !== 'string' || name === '') {
    throw refuse(`element ${index} has no name`);
  }
  const interfaceName = typeof asked === 'string' && asked !== '' ? asked : `net${index + 1}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(interfaceName)) {
    throw refuse(
      `element ${index}: "${interfaceName}" is no name of an interface (at most 15 letters, digits, "-", "_", ".")`,
    );
  }
  if (
    mac !== undefined &&
    (typeof mac !== 'string' || !/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(mac))
  ) {
    throw refuse(`element ${index}: ${JSON.stringify(mac)} is no MAC address`);
  }
  const selected = typeof namespace === 'string' && namespace !== '' ? namespace : podNamespace;
  if (selected !== podNamespace && !globalNamespaces.includes(selected)) {
    throw new PatchbayError(
      'NamespaceIsolation',
      `namespace isolation enabled, annotation violates permission, pod is in namespace ${podNamespace} but refers to target namespace ${selected}; put the NetworkAttachmentDefinition "${name}" into namespace ${podNamespace} or default`,
      { retryable: false },
    );
  }
  return {
    name,
    namespace: selected,
    interfaceName,
    ...(typeof mac === 'string' && { mac: normalMac(mac) }),
  };
}

function refuse(why: string): PatchbayError {
  return new PatchbayError('InvalidNetworkSelection', `annotation ${networksAnnotation} ${why}`, {
    retryable: false,
  });
}

/** Reads a network-status annotation that we (or Multus) wrote; nothing when there is none. */
export function parseNetworkStatus(annotation: string | undefined): readonly NetworkStatus[] {
  if (annotation === undefined) {
    return [];
  }
  const parsed: unknown = JSON.parse(annotation);
  return Array.isArray(parsed) ? (parsed.filter(isRecord) as unknown as readonly NetworkStatus[]) : [];
}
