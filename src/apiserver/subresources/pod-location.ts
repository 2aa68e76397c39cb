/** Where a pod's streams are: the agent of its node, and the path there (kubelet's). */
import { badRequest, failure, notFound } from '../api-errors.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Services } from '../registry/call.ts';
import { keyOf } from '../registry/catalog.ts';
import { isRecord } from '../registry/metadata.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';

/** An agent and what is asked of it. */
export interface AgentTarget {
  readonly host: string;
  readonly port: number;
  /** With the query. */
  readonly path: string;
}

const streams: ReadonlySet<string> = new Set(['log', 'exec', 'attach', 'portforward']);

/** True for requests that only the node of a pod can answer. */
export function isPodStream({ group, resource, subresource, rest }: RequestInfo): boolean {
  return group === '' && resource === 'pods' && streams.has(subresource) && rest.length === 0;
}

/** Options of each stream that the agent is told. */
const passed: Readonly<Record<string, readonly string[]>> = {
  log: ['follow', 'previous', 'sinceSeconds', 'sinceTime', 'timestamps', 'tailLines', 'limitBytes', 'stream'],
  exec: ['stdin', 'stdout', 'stderr', 'tty', 'command'],
  attach: ['stdin', 'stdout', 'stderr', 'tty'],
  portforward: ['ports'],
};

const endpoints: Readonly<Record<string, string>> = {
  log: 'containerLogs',
  exec: 'exec',
  attach: 'attach',
  portforward: 'portForward',
};

/** Finds the agent. Throws 404 for a missing pod, 400 for one that is on no node or a wrong container. */
export function locate(services: Services, info: RequestInfo): AgentTarget {
  const { namespace, name, subresource, query } = info;
  const pod = readObjectOf(services, 'pods', namespace, name);
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  const { host, port } = agentOf(services, pod);
  const parts = [namespace, name];
  if (subresource !== 'portforward') {
    parts.push(containerOf(name, spec, query.get('container') ?? ''));
  }
  const forwarded = new URLSearchParams();
  for (const key of passed[subresource] ?? []) {
    for (const value of query.getAll(key)) forwarded.append(key, value);
  }
  const search = forwarded.toString();
  const path = `/${endpoints[subresource] ?? ''}/${parts.map(encodeURIComponent).join('/')}`;
  return { host, port, path: search === '' ? path : `${path}?${search}` };
}

/** The address of the agent of a pod's node. Throws 400 for a pod that is on no node, 404, 503. */
export function agentOf(
  services: Services,
  pod: ApiObject,
): { readonly host: string; readonly port: number } {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  const nodeName = spec['nodeName'];
  if (typeof nodeName !== 'string' || nodeName === '') {
    throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  }
  return addressOf(readObjectOf(services, 'nodes', '', nodeName), nodeName);
}

/** An object of the core group. Throws 404. */
export function readObjectOf(
  { catalog, store }: Services,
  plural: string,
  namespace: string,
  name: string,
): ApiObject {
  const kind = catalog.find('', 'v1', plural);
  const entry = kind === undefined ? undefined : store.get(keyOf(kind, namespace, name));
  if (entry === undefined) {
    throw notFound({ group: '', plural }, name);
  }
  return objectOf(entry);
}

function addressOf(node: ApiObject, name: string): { readonly host: string; readonly port: number } {
  const status = isRecord(node['status']) ? node['status'] : {};
  const addresses = Array.isArray(status['addresses']) ? status['addresses'].filter(isRecord) : [];
  const host = addresses.find(({ type }) => type === 'InternalIP')?.['address'];
  const endpoints = isRecord(status['daemonEndpoints']) ? status['daemonEndpoints'] : {};
  const endpoint = isRecord(endpoints['kubeletEndpoint']) ? endpoints['kubeletEndpoint'] : {};
  const port = endpoint['Port'];
  if (typeof host !== 'string' || typeof port !== 'number') {
    throw failure(
      503,
      'ServiceUnavailable',
      `node "${name}" has told no address and port of its agent yet; is its agent running?`,
    );
  }
  return { host, port };
}

/** Upstream's rules of the registry's `streamLocation`. */
function containerOf(pod: string, spec: Readonly<Record<string, unknown>>, asked: string): string {
  const names = (field: string): string[] => {
    const list = spec[field];
    return Array.isArray(list) ? list.filter(isRecord).map((one) => String(one['name'])) : [];
  };
  const own = names('containers');
  const inits = names('initContainers');
  if (asked !== '') {
    if (![...own, ...inits, ...names('ephemeralContainers')].includes(asked)) {
      throw badRequest(`container ${asked} is not valid for pod ${pod}`);
    }
    return asked;
  }
  if (own.length === 1 && own[0] !== undefined) {
    return own[0];
  }
  const others = inits.length === 0 ? '' : ` or one of the init containers: [${inits.join(' ')}]`;
  throw badRequest(
    `a container name must be specified for pod ${pod}, choose one of: [${own.join(' ')}]${others}`,
  );
}
