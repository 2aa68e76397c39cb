/** Where `pods/NAME/proxy` and `services/NAME/proxy` lead (upstream `registry/core/pod/strategy.go` and `service/storage`). */
import ipaddr from 'ipaddr.js';
import { badRequest, failure } from '../api-errors.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Services } from '../registry/call.ts';
import { isRecord } from '../registry/metadata.ts';
import type { ApiObject } from '../registry/objects.ts';
import { type AgentTarget, agentOf, readObjectOf } from './pod-location.ts';

/** A port of a pod, and the agent that connects to it. */
export interface ProxyTarget {
  readonly agent: AgentTarget;
  /** What the pod is asked as: `10.0.0.1`, `[fd00::1]:8080`. */
  readonly host: string;
  readonly isTls: boolean;
}

/** `[scheme:]NAME[:PORT]`. */
interface Named {
  readonly scheme: string;
  readonly name: string;
  readonly port: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** True for requests that are passed on into pods, whatever their method is. */
export function isProxy({ group, resource, subresource, name }: RequestInfo): boolean {
  return (
    group === '' && (resource === 'pods' || resource === 'services') && subresource === 'proxy' && name !== ''
  );
}

/** Finds the pod, its port and its agent. Throws 400, 404 or 503. */
export function locateProxy(services: Services, info: RequestInfo): ProxyTarget {
  const what = info.resource === 'pods' ? 'pod' : 'service';
  const named = splitName(info.name);
  if (named === undefined) {
    throw badRequest(`invalid ${what} request ${JSON.stringify(info.name)}`);
  }
  const { pod, port } = what === 'pod' ? podPort(services, info, named) : servicePort(services, info, named);
  const ip = podIP(pod);
  if (ip === undefined) {
    throw badRequest('address not allowed');
  }
  const isTls = named.scheme === 'https';
  const number = Number(port === '' ? (isTls ? 443 : 80) : port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw unreachable(`dial tcp: lookup tcp/${port}: unknown port`);
  }
  const { host, port: agentPort } = agentOf(services, pod);
  const parts = [info.namespace, pod.metadata.name, String(number)].map(encodeURIComponent);
  const shown = ip.includes(':') ? `[${ip}]` : ip;
  return {
    agent: { host, port: agentPort, path: `/podConnect/${parts.join('/')}` },
    host: port === '' ? shown : `${shown}:${number}`,
    isTls,
  };
}

/** What upstream answers when a connection into a pod fails. */
export function unreachable(why: string): Error {
  return failure(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);
}

/** apimachinery `util/net.SplitSchemeNamePort`. */
export function splitName(id: string): Named | undefined {
  const parts = id.split(':');
  const [first = '', second = '', third = ''] = parts;
  const named: Named =
    parts.length === 3
      ? { scheme: first, name: second, port: third }
      : { scheme: '', name: first, port: second };
  const known =
    parts.length < 3 || named.scheme === '' || named.scheme === 'http' || named.scheme === 'https';
  return parts.length <= 3 && known && named.name !== '' ? named : undefined;
}

interface PodPort {
  readonly pod: ApiObject;
  readonly port: string;
}

/** The first port that a container tells is taken where none is asked for. */
function podPort(services: Services, { namespace }: RequestInfo, { name, port }: Named): PodPort {
  const pod = readObjectOf(services, 'pods', namespace, name);
  const ports = records(fieldsOf(pod, 'spec')['containers']).flatMap((container) =>
    records(container['ports']).slice(0, 1),
  );
  const known = ports[0]?.['containerPort'];
  return { pod, port: port === '' && typeof known === 'number' ? String(known) : port };
}

/** A pod behind a service, any of those that are ready. */
function servicePort(
  services: Services,
  { namespace, name: id }: RequestInfo,
  { name, port }: Named,
): PodPort {
  const service = readObjectOf(services, 'services', namespace, name);
  const portName = portNameOf(service, name, port);
  const found = subsetsOf(services, namespace, name).flatMap(({ addresses, ports }) => {
    const number = records(ports).find((one) => (one['name'] ?? '') === portName)?.['port'];
    const pods = records(addresses)
      .map(({ targetRef }) => targetRef)
      .filter(isRecord)
      .filter(({ kind }) => kind === 'Pod');
    return typeof number === 'number' ? pods.map((pod) => ({ pod: String(pod['name']), port: number })) : [];
  });
  const chosen = found[Math.floor(Math.random() * found.length)];
  if (chosen === undefined) {
    throw failure(503, 'ServiceUnavailable', `no endpoints available for service ${JSON.stringify(id)}`);
  }
  return { pod: readObjectOf(services, 'pods', namespace, chosen.pod), port: String(chosen.port) };
}

/** A port by number stands for the name that it has in the service. */
function portNameOf(service: ApiObject, name: string, port: string): string {
  if (!/^\d+$/.test(port)) {
    return port;
  }
  const found = records(fieldsOf(service, 'spec')['ports']).find((one) => one['port'] === Number(port));
  if (found === undefined) {
    const why = `no service port ${Number(port)} found for service ${JSON.stringify(name)}`;
    throw failure(503, 'ServiceUnavailable', why);
  }
  return typeof found['name'] === 'string' ? found['name'] : '';
}

function subsetsOf(services: Services, namespace: string, name: string): readonly Fields[] {
  const endpoints = readObjectOf(services, 'endpoints', namespace, name);
  const subsets = records(endpoints['subsets']);
  if (subsets.length === 0) {
    throw failure(503, 'ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  }
  return subsets;
}

function podIP(pod: ApiObject): string | undefined {
  const status = fieldsOf(pod, 'status');
  const ip = records(status['podIPs'])[0]?.['ip'] ?? status['podIP'];
  return typeof ip === 'string' && ipaddr.isValid(ip) && !FORBIDDEN.has(ipaddr.parse(ip).range())
    ? ip
    : undefined;
}

/** Whoever may write a pod's status must not reach what is the node's alone. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  'unspecified',
  'broadcast',
  'loopback',
  'multicast',
  'linkLocal',
  'ipv4Mapped',
]);

function fieldsOf(object: ApiObject, field: 'spec' | 'status'): Fields {
  const found = object[field];
  return isRecord(found) ? found : {};
}

function records(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
