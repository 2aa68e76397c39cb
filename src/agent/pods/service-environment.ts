/** Where services are, as environment variables of a container (kubelet's envvars.FromServices). Pure. */
import { isIPv6 } from 'node:net';
import type { Service } from '#api/core/service.ts';

/** A service with its address in the cluster. */
interface Place {
  readonly name: string;
  readonly address: string;
  readonly ports: readonly { readonly name?: string; readonly protocol: string; readonly port: number }[];
}

/**
 * Variables of a pod's services and of the API server.
 * @param apiServer URL the node itself reaches the API server by. Pods reach it too, which no service's address promises yet.
 */
export function serviceEnvironment(
  services: readonly Service[],
  apiServer: string,
): ReadonlyMap<string, string> {
  const url = new URL(apiServer);
  const port = Number(url.port || (url.protocol === 'http:' ? 80 : 443));
  const server: Place = {
    name: 'kubernetes',
    address: url.hostname.replace(/^\[|\]$/g, ''),
    ports: [{ name: 'https', protocol: 'TCP', port }],
  };
  const places = services.flatMap(({ metadata, spec }): readonly Place[] => {
    const address = spec.clusterIP ?? '';
    return address === '' || address === 'None' || metadata.name === server.name
      ? []
      : [{ name: metadata.name, address, ports: (spec.ports ?? []).map(portOf) }];
  });
  return new Map([...places, server].flatMap(variablesOf));
}

function portOf({ name, protocol = 'TCP', port }: NonNullable<Service['spec']['ports']>[number]) {
  return { ...(name === undefined || name === '' ? {} : { name }), protocol, port };
}

function variablesOf({ name, address, ports }: Place): readonly (readonly [string, string])[] {
  const [first] = ports;
  if (first === undefined) {
    return [];
  }
  const prefix = variableName(name);
  const urlOf = (one: Place['ports'][number]): string =>
    `${one.protocol.toLowerCase()}://${isIPv6(address) ? `[${address}]` : address}:${one.port}`;
  return [
    [`${prefix}_SERVICE_HOST`, address],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports.flatMap((one): (readonly [string, string])[] =>
      one.name === undefined ? [] : [[`${prefix}_SERVICE_PORT_${variableName(one.name)}`, String(one.port)]],
    ),
    [`${prefix}_PORT`, urlOf(first)],
    ...ports.flatMap((one): (readonly [string, string])[] => {
      const own = `${prefix}_PORT_${one.port}_${one.protocol.toUpperCase()}`;
      return [
        [own, urlOf(one)],
        [`${own}_PROTO`, one.protocol.toLowerCase()],
        [`${own}_PORT`, String(one.port)],
        [`${own}_ADDR`, address],
      ];
    }),
  ];
}

function variableName(text: string): string {
  return text.toUpperCase().replaceAll(/[-.]/g, '_');
}
