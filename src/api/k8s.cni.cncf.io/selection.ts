/** Multus' annotation in which a pod asks for networks. */
import { type IpFamily, parseInterface, parseIp } from '../ip-range.ts';
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
  /** Gateways, one of each family: the pod's default route is on this network then. */
  readonly defaultRoute?: readonly string[];
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
  const sound = selections.filter((one): one is Selection => !isProblem(one));
  return selections.find(isProblem) ?? clash(sound) ?? sound;
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

function readList(text: string): readonly (Element | SelectionProblem)[] | SelectionProblem {
  try {
    const parsed: unknown = JSON.parse(text);
    return (Array.isArray(parsed) ? parsed : []).map((element: unknown, index) =>
      isObject(element)
        ? element
        : refuse(`element ${index} is ${JSON.stringify(element)}; write an object such as {"name": "blue"}`),
    );
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
  const routes = element['default-route'];
  if (typeof name !== 'string' || name === '') {
    return refuse(`element ${index} has no name`);
  }
  const texts = { namespace, interface: asked, 'ipam-claim-reference': claim };
  const interfaceName = typeof asked === 'string' && asked !== '' ? asked : `net${index + 1}`;
  const wrong =
    Object.entries(texts).flatMap(([field, value]) => notText(field, value))[0] ??
    wrongInterface(interfaceName, index) ??
    wrongMac(mac) ??
    wrongAddresses('ips', ips, '10.0.0.5/24') ??
    wrongAddresses('default-route', routes, '10.0.0.1');
  if (wrong !== undefined) {
    return refuse(`element ${index}, ${wrong}`);
  }
  const selected = typeof namespace === 'string' && namespace !== '' ? namespace : podNamespace;
  if (selected !== podNamespace && !globalNamespaces.includes(selected)) {
    return isolated(name, selected, podNamespace);
  }
  const addresses = strings(ips);
  const defaultRoute = strings(routes);
  return {
    name,
    namespace: selected,
    interfaceName,
    ...(typeof mac === 'string' && mac !== '' && { mac: mac.toLowerCase().replaceAll('-', ':') }),
    ...(addresses.length > 0 && { ips: addresses }),
    ...(typeof claim === 'string' && claim !== '' && { ipamClaim: claim }),
    ...(defaultRoute.length > 0 && { defaultRoute }),
  };
}

function strings(value: unknown): readonly string[] {
  return (Array.isArray(value) ? value : []).filter((one) => typeof one === 'string');
}

function notText(field: string, value: unknown): readonly string[] {
  return value === undefined || value === null || typeof value === 'string'
    ? []
    : [`${field}: ${JSON.stringify(value)} is no text; write a name in quotes, or leave it out`];
}

/** Names that the pod's ends of its own networks have. */
const ownInterfaces = ['lo', 'eth0', 'ovn-udn1'];

function wrongInterface(name: string, index: number): string | undefined {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/.test(name)) {
    return `interface: "${name}" is no name of an interface (at most 15 letters, digits, "-", "_", ".")`;
  }
  return ownInterfaces.includes(name)
    ? `interface: "${name}" is the pod's own; choose another name, such as net${index + 1}`
    : undefined;
}

function wrongMac(mac: unknown): string | undefined {
  if (mac === undefined || mac === null || mac === '') {
    return undefined;
  }
  const told = `mac: ${JSON.stringify(mac)}`;
  const remedy = 'write such as 02:00:00:00:00:01, or leave it out';
  if (typeof mac !== 'string' || !/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(mac)) {
    return `${told} is no MAC address; ${remedy}`;
  }
  if (Number.parseInt(mac.slice(0, 2), 16) % 2 === 1) {
    return `${told} is a multicast address, which no card has; ${remedy}`;
  }
  return /[1-9a-f]/i.test(mac) ? undefined : `${told} is no address of one card; ${remedy}`;
}

/** Addresses, with a prefix length where the example has one; of gateways at most one of each family. */
function wrongAddresses(field: string, value: unknown, example: string): string | undefined {
  const remedy = `write such as ["${example}"]`;
  if (value === undefined || value === null) {
    return undefined;
  }
  if (!Array.isArray(value)) {
    return `${field}: ${JSON.stringify(value)} is no list; ${remedy}`;
  }
  const seen = new Set<IpFamily>();
  for (const text of value as readonly unknown[]) {
    const ip = typeof text === 'string' ? addressOf(text, example.includes('/')) : undefined;
    if (ip === undefined) {
      return `${field}: ${JSON.stringify(text)} is no address; ${remedy}`;
    }
    if (field === 'default-route' && seen.has(ip.family)) {
      return `${field}: ${JSON.stringify(text)} is a second IPv${ip.family} gateway; one of each family is allowed`;
    }
    seen.add(ip.family);
  }
  return undefined;
}

function addressOf(text: string, mayHavePrefix: boolean): { readonly family: IpFamily } | undefined {
  return parseIp(text) ?? (mayHavePrefix ? parseInterface(text)?.ip : undefined);
}

/** What two elements cannot both have. */
function clash(selections: readonly Selection[]): SelectionProblem | undefined {
  for (const [index, { interfaceName, defaultRoute = [] }] of selections.entries()) {
    const before = selections.slice(0, index);
    const twin = before.findIndex((one) => one.interfaceName === interfaceName);
    if (twin >= 0) {
      return refuse(
        `element ${index}, interface: "${interfaceName}" is that of element ${twin} too; choose another name, such as ${freeName(selections)}`,
      );
    }
    for (const gateway of defaultRoute) {
      const family = parseIp(gateway)?.family;
      const other = before.findIndex((one) => one.defaultRoute?.some((ip) => parseIp(ip)?.family === family));
      if (other >= 0) {
        return refuse(
          `element ${index}, default-route: "${gateway}" is a second IPv${family} gateway; element ${other} has one already, and a pod has one default route of each family`,
        );
      }
    }
  }
  return undefined;
}

function freeName(selections: readonly Selection[]): string {
  const taken = new Set(selections.map(({ interfaceName }) => interfaceName));
  const names = selections.map((_, index) => `net${index + 1}`);
  return names.findLast((name) => !taken.has(name)) ?? `net${selections.length + 1}`;
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
