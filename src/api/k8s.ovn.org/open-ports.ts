/**
 * Ports that a pod on a primary user-defined network opens on the default network (annotation of the pod, upstream's form: a
 * YAML list).
 */

/** Annotation of pods. */
export const openPortsAnnotation = 'k8s.ovn.org/open-default-ports';

/** One entry: every echo request and ICMP error, or a port. */
export type OpenPort =
  | { readonly protocol: 'icmp' }
  | { readonly protocol: 'tcp' | 'udp' | 'sctp'; readonly port: number };

/** What an annotation says, or what is wrong with it: then it opens nothing. */
export type OpenPorts =
  | { readonly ports: readonly OpenPort[]; readonly problem?: undefined }
  | { readonly problem: string; readonly ports?: undefined };

const protocols = ['tcp', 'udp', 'sctp', 'icmp'] as const;
const maxPort = 65_535;
/** Each is a term of one OVN match. Upstream has no limit. */
const maxPorts = 256;
const maxText = 64 * 1024;
const form = `write a list such as [{"protocol": "tcp", "port": 8080}, {"protocol": "icmp"}]`;

/**
 * Reads the annotation; none opens nothing. One wrong entry makes all of it void, as upstream.
 * @param parseYaml throws for what is no YAML
 */
export function readOpenPorts(
  annotations: Readonly<Record<string, string>> | undefined,
  parseYaml: (text: string) => unknown,
): OpenPorts {
  const text = annotations?.[openPortsAnnotation];
  if (text === undefined) {
    return { ports: [] };
  }
  const refuse = (what: string): OpenPorts => ({
    problem: `annotation ${openPortsAnnotation}: ${what}; nothing is opened`,
  });
  if (text.length > maxText) {
    return refuse(`${text.length} characters, allowed are ${maxText}`);
  }
  let list: unknown;
  try {
    list = parseYaml(text) ?? [];
  } catch (error) {
    const [first] = (error instanceof Error ? error.message : String(error)).split('\n');
    return refuse(`is no YAML (${first}); ${form}`);
  }
  if (!Array.isArray(list)) {
    return refuse(`${shown(list)} is no list; ${form}`);
  }
  if (list.length > maxPorts) {
    return refuse(`${list.length} entries, allowed are ${maxPorts}`);
  }
  const read = list.map(readOne);
  const wrong = read.findIndex((one) => typeof one === 'string');
  return wrong < 0
    ? { ports: read.filter((one) => typeof one !== 'string') }
    : refuse(`[${wrong}]: ${String(read[wrong])}`);
}

/** An entry, or what is wrong with it. */
function readOne(entry: unknown): OpenPort | string {
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    return `${shown(entry)} is no entry; ${form}`;
  }
  const { protocol: given, port } = entry as Readonly<Record<string, unknown>>;
  const protocol = protocols.find((one) => one === given);
  if (protocol === undefined) {
    return `invalid protocol ${shown(given)}, allowed are ${protocols.join(', ')}`;
  }
  if (protocol === 'icmp') {
    return port === undefined || port === null
      ? { protocol }
      : `invalid port ${shown(port)} for icmp protocol, should be empty`;
  }
  if (port === undefined || port === null) {
    return `port is required for ${protocol} protocol`;
  }
  return typeof port === 'number' && Number.isInteger(port) && port >= 0 && port <= maxPort
    ? { protocol, port }
    : `invalid port ${shown(port)}, allowed are whole numbers from 0 to ${maxPort}`;
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 60) ?? 'that is missing';
}
