/** Where a webhook is: its URL, or a ready endpoint of its service (apiserver `util/webhook/client.go`). */
import type { Webhook } from '#api/admissionregistration.k8s.io/webhook.ts';
import type { Service } from '#api/core/service.ts';
import type { EndpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import type { Store } from '#store/store.ts';
import { listed, lookup } from '../stored.ts';

/** An address to connect to. */
export interface Address {
  /** As shown in errors. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Name the certificate must have. */
  readonly serverName: string;
}

type ServiceReference = NonNullable<Webhook['clientConfig']['service']>;

/** The address, with the timeout as upstream puts it in the query. Throws `Error` when a service has no endpoint. */
export function addressOf({ url, service }: Webhook['clientConfig'], seconds: number, store: Store): Address {
  if (service !== undefined) {
    return serviceAddress(service, seconds, store);
  }
  const parsed = new URL(url ?? '');
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  const path = `${parsed.pathname}?timeout=${seconds}s`;
  const port = parsed.port === '' ? 443 : Number(parsed.port);
  return { url: `https://${parsed.host}${path}`, host, port, path, serverName: host };
}

function serviceAddress(reference: ServiceReference, seconds: number, store: Store): Address {
  const { name, namespace, port = 443 } = reference;
  const serverName = `${name}.${namespace}.svc`;
  const path = `${reference.path === undefined || reference.path === '' ? '/' : reference.path}?timeout=${seconds}s`;
  const url = `https://${serverName}:${port}${path}`;
  const fail = (why: string) => new Error(`failed to call webhook: Post ${JSON.stringify(url)}: ${why}`);
  const service = lookup<Service>(store, 'services', namespace, name);
  if (service === undefined) {
    throw fail(`service ${JSON.stringify(name)} not found`);
  }
  const servicePort = service.spec?.ports?.find((one) => one.port === port);
  if (servicePort === undefined) {
    throw fail(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  if (service.spec?.type === 'ExternalName') {
    return { url, host: service.spec.externalName ?? '', port, path, serverName };
  }
  const ready = readyEndpoints(store, namespace, name, servicePort.name ?? '');
  const chosen = ready[Math.floor(Math.random() * ready.length)];
  if (chosen === undefined) {
    throw fail(`no endpoints available for service ${JSON.stringify(name)}`);
  }
  return { url, ...chosen, path, serverName };
}

function readyEndpoints(store: Store, namespace: string, name: string, portName: string) {
  return listed<EndpointSlice>(store, 'endpointslices.discovery.k8s.io', namespace)
    .filter((slice) => slice.metadata.labels?.['kubernetes.io/service-name'] === name)
    .flatMap(({ endpoints, ports = [] }) => {
      const port = ports.find((one) => (one.name ?? '') === portName)?.port;
      return port === undefined
        ? []
        : endpoints
            .filter(({ conditions }) => conditions?.ready !== false)
            .flatMap(({ addresses }) => addresses.map((host) => ({ host, port })));
    });
}
