import type { RequestInfo } from '../http/request-info.ts';
import { isTrue } from '../http/request-info.ts';
import type { Call, Services } from '../registry/call.ts';
import type { ApiObject } from '../registry/objects.ts';
import { admitSubresource } from './attributes.ts';
import type { Maybe } from './plugin.ts';

const kinds: Readonly<Record<string, string>> = {
  exec: 'PodExecOptions',
  attach: 'PodAttachOptions',
  portforward: 'PodPortForwardOptions',
};

/** Asks the plug-ins about a stream of a pod, or a request into one, before it is opened (`CONNECT pods/exec`). Throws what they refuse with. */
export function admitStream(services: Services, call: Call): Maybe<void> {
  const kind = services.catalog.find('', 'v1', call.info.resource);
  return kind === undefined
    ? undefined
    : admitSubresource(services, call, kind, 'CONNECT', optionsOf(call.info));
}

/** The query as the options object that upstream makes of it; such objects have no metadata. */
function optionsOf({ resource, subresource, query, rest }: RequestInfo): ApiObject {
  if (subresource === 'proxy') {
    const kind = resource === 'services' ? 'ServiceProxyOptions' : 'PodProxyOptions';
    const path = rest.length === 0 ? {} : { path: `/${rest.join('/')}` };
    return { kind, apiVersion: 'v1', ...path } as unknown as ApiObject;
  }
  const flags = ['stdin', 'stdout', 'stderr', 'tty'].filter((name) => isTrue(query.get(name)));
  const container = query.get('container') ?? '';
  const command = query.getAll('command');
  const ports = query.getAll('ports').map(Number);
  const fields = {
    kind: kinds[subresource] ?? '',
    apiVersion: 'v1',
    ...Object.fromEntries(flags.map((name) => [name, true])),
    ...(container === '' ? {} : { container }),
    ...(command.length === 0 ? {} : { command }),
    ...(ports.length === 0 ? {} : { ports }),
  };
  return fields as unknown as ApiObject;
}
