/** Ports of services on every node. Pure, for the server's admission. k8s.io/kubernetes/pkg/registry/core/service/portallocator. */
import { invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { Service } from '../service.ts';
import { needsHealthPort, needsNodePorts } from './service-needs.ts';

type Spec = Service['spec'];
type Port = NonNullable<Spec['ports']>[number];

/** First and last port that is given out. */
export const nodePortRange = { first: 30000, last: 32767 } as const;
/** Upstream keeps this many of the first ports for services that ask for one. */
const keptFree = 86;

/** Every port on the nodes that a service has. */
export function nodePortsOf({ ports = [], healthCheckNodePort }: Spec): readonly number[] {
  return [...ports.map(({ nodePort }) => nodePort), healthCheckNodePort].filter(
    (port) => port !== undefined && port !== 0,
  ) as number[];
}

/**
 * A service's spec with its ports on the nodes, or why it cannot have those it asks for.
 * @param taken ports of all other services
 */
export function withNodePorts(
  spec: Spec,
  taken: ReadonlySet<number>,
): { readonly spec: Spec } | { readonly cause: Cause } {
  if (!needsNodePorts(spec) && !needsHealthPort(spec)) {
    return { spec };
  }
  const used = new Set([...taken, ...nodePortsOf(spec)]);
  const ports: Port[] = [];
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const made = needsNodePorts(spec) ? nodePortOf(port, ports, taken, used) : port.nodePort;
    if (typeof made === 'string') {
      return { cause: invalid(`spec.ports[${index}].nodePort`, port.nodePort ?? 0, made) };
    }
    ports.push(made === undefined ? port : { ...port, nodePort: made });
  }
  const health = needsHealthPort(spec)
    ? choose(spec.healthCheckNodePort, taken, used)
    : spec.healthCheckNodePort;
  if (typeof health === 'string') {
    return { cause: invalid('spec.healthCheckNodePort', spec.healthCheckNodePort ?? 0, health) };
  }
  return {
    spec: {
      ...spec,
      ...(spec.ports === undefined ? {} : { ports }),
      ...(health === undefined ? {} : { healthCheckNodePort: health }),
    },
  };
}

/** The same number serves one port of the service over several protocols. */
function nodePortOf(
  port: Port,
  before: readonly Port[],
  taken: ReadonlySet<number>,
  used: Set<number>,
): number | string {
  const sibling = before.find((one) => one.port === port.port && one.protocol !== port.protocol)?.nodePort;
  return choose(port.nodePort || sibling, taken, used);
}

/** The port asked for or the next free one; a text says why not. */
function choose(asked: number | undefined, taken: ReadonlySet<number>, used: Set<number>): number | string {
  if (asked !== undefined && asked !== 0) {
    return taken.has(asked) ? 'provided port is already allocated' : asked;
  }
  const { first, last } = nodePortRange;
  const size = last - first + 1;
  for (let step = 0; step < size; step += 1) {
    const port = first + ((keptFree + step) % size);
    if (!used.has(port)) {
      used.add(port);
      return port;
    }
  }
  return 'range is full';
}
