/** Multus' annotation in which a pod asks for networks. */
import { isObject } from './admission/config-fields.ts';

/** The annotation. */
export const networksAnnotation = 'k8s.v1.cni.cncf.io/networks';

/** One network asked for. */
export interface Selection {
  readonly name: string;
  readonly namespace: string;
  /** Name of the pod's end; `net1`, `net2`, … in order when not asked for. */
  readonly interfaceName: string;
  /** In lower case, with colons. */
  readonly mac?: string;
  /** Addresses asked for, with or without prefix length. */
  readonly ips?: readonly string[];
  /** Name of the IPAMClaim that keeps the addresses. */
  readonly ipamClaim?: string;
}

/** What is wrong with an annotation. */
export interface SelectionProblem {
  /** CamelCase. */
  readonly reason: 'InvalidNetworkSelection' | 'NamespaceIsolation';
  readonly message: string;
}

/** Namespaces whose networks every pod may use, as OpenShift configures Multus. */
const globalNamespaces = ['default', 'openshift-multus', 'openshift-sriov-network-operator', 'openshift-cnv'];

/** Reads the annotation: a JSON list, or `[<namespace>/]<name>[@<interface>],…`. */
export function readSelections(
  annotation: string | undefined,
  podNamespace: string,
): readonly Selection[] | SelectionProblem {
  const text = annotation?.trim() ?? '';
  if (text === '') {
    return [];
  }
  const elements = text.startsWith('[')
    ? readList(text)
    : text.split(',').map((part) => readShort(part.trim()));
  if (isProblem(elements)) {
    return elements;
  }
  const selections = elements.map((element, index) =>
    isProblem(element) ? element : selectionOf(element, index, podNamespace),
  );
  return selections.find(isProblem) ?? selections.filter((one): one is Selection => !isProblem(one));
}

/** True for what `readSelections` found wrong. */
export function isProblem(value: unknown): value is SelectionProblem {
  return isObject(value) && typeof value['reason'] === 'string' && typeof value['message'] === 'string';
}

/** Networks asked for, each with the key it has in `k8s.ovn.org/pod-networks`: a network asked for again has an index. */
export function keyedSelections<S extends Pick<Selection, 'namespace' | 'name'>>(
  selections: readonly S[],
): readonly { readonly key: string; readonly nad: string; readonly selection: S }[] {
  const seen = new Map<string, number>();
  return selections.map((selection) => {
    const nad = `${selection.namespace}/${selection.name}`;
    const count = seen.get(nad) ?? 0;
    seen.set(nad, count + 1);
    return { key: count === 0 ? nad : `${nad}/${count}`, nad, selection };
  });
}

type Element = Readonly<Record<string, unknown>>;

function readList(text: string): readonly Element[] | SelectionProblem {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.filter(isObject) : [];
  } catch (error) {
    return refuse(`is no JSON list: ${String(error)}`);
  }
}

function readShort(part: string): Element | SelectionProblem {
  const match = /^(?:([a-z0-9-]+)\/)?([a-z0-9][a-z0-9.-]*)(?:@([A-Za-z0-9_.-]{1,15}))?$/.exec(part);
  if (match === null) {
    return refuse(`has "${part}"; allowed are <name>, <namespace>/<name> and <name>@<interface>`);
  }
  const [, namespace, name, interfaceName] = match;
  return { name, namespace, interface: interfaceName };
}

function selectionOf(element: Element, index: number, podNamespace: string): Selection | SelectionProblem {
  const { name, namespace, mac, ips } = element;
  const claim = element['ipam-claim-reference'];
  const asked = element['interface'] ?? element['interfaceRequest'];
  if (typeof name !== 'string' || name === '') {
    return refuse(`element ${index} has no name`);
  }
  const interfaceName = typeof asked === 'string' && asked !== '' ? asked : `net${index + 1}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(interfaceName)) {
    return refuse(
      `element ${index}: "${interfaceName}" is no name of an interface (at most 15 letters, digits, "-", "_", ".")`,
    );
  }
  if (
    mac !== undefined &&
    (typeof mac !== 'string' || !/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(mac))
  ) {
    return refuse(`element ${index}: ${JSON.stringify(mac)} is no MAC address`);
  }
  const selected = typeof namespace === 'string' && namespace !== '' ? namespace : podNamespace;
  if (selected !== podNamespace && !globalNamespaces.includes(selected)) {
    return isolated(name, selected, podNamespace);
  }
  const addresses = Array.isArray(ips) ? ips.filter((ip) => typeof ip === 'string') : [];
  return {
    name,
    namespace: selected,
    interfaceName,
    ...(typeof mac === 'string' && { mac: mac.toLowerCase().replaceAll('-', ':') }),
    ...(addresses.length > 0 && { ips: addresses }),
    ...(typeof claim === 'string' && claim !== '' && { ipamClaim: claim }),
  };
}

function isolated(name: string, selected: string, podNamespace: string): SelectionProblem {
  return {
    reason: 'NamespaceIsolation',
    message: `namespace isolation enabled, annotation violates permission, pod is in namespace ${podNamespace} but refers to target namespace ${selected}; put the NetworkAttachmentDefinition "${name}" into namespace ${podNamespace} or default`,
  };
}

function refuse(why: string): SelectionProblem {
  return { reason: 'InvalidNetworkSelection', message: `annotation ${networksAnnotation} ${why}` };
}
