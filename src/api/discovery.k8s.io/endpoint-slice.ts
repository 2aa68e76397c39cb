import { ageColumn } from '../columns.ts';
import { protocol } from '../core/container.ts';
import { objectReference } from '../core/reference.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, boolean, int32, map, object, oneOf, setOf, string, type TypeOf } from '../schema.ts';
import { endpointSliceCauses } from './endpoint-slice-rules.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const named = (description: string) =>
  array(object({ name: string('Name.') }, ['name']), description, atomic);

const endpoint = object(
  {
    addresses: setOf(string(), 'Addresses of the endpoint.'),
    conditions: object({
      ready: boolean('Whether it takes new traffic.'),
      serving: boolean('Whether it could take traffic, ending or not.'),
      terminating: boolean('Whether it is ending.'),
    }),
    hostname: string('Host name.'),
    targetRef: objectReference,
    deprecatedTopology: map(string(), 'No longer used.'),
    nodeName: string('Node it is on.'),
    zone: string('Zone it is in.'),
    hints: object({ forZones: named('Zones it is meant for.'), forNodes: named('Nodes it is meant for.') }),
  },
  ['addresses'],
);
const port = object(
  {
    name: string('Name of the service port.'),
    protocol,
    port: int32('Port number.'),
    appProtocol: string('Application protocol.'),
  },
  [],
  'A port.',
  { 'x-kubernetes-map-type': 'atomic' },
);

const schema = object(
  {
    addressType: oneOf(['FQDN', 'IPv4', 'IPv6'], 'What the addresses are; fixed.'),
    endpoints: array(endpoint, 'At most 1000 endpoints.', atomic),
    ports: array(port, 'Ports of every endpoint.', atomic),
  },
  ['addressType', 'endpoints'],
  'Some of the endpoints of a service.',
);

/** Some of the endpoints of a service. */
export type EndpointSlice = KubeObject & TypeOf<typeof schema>;
export type Endpoint = TypeOf<typeof endpoint>;
export type EndpointPort = TypeOf<typeof port>;

export const endpointSlice: KindDefinition<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  singular: 'endpointslice',
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'AddressType',
      type: 'string',
      description: 'What the addresses are.',
      value: ({ addressType }: EndpointSlice) => addressType,
    },
    {
      name: 'Ports',
      type: 'string',
      description: 'Ports of every endpoint.',
      value: ({ ports }: EndpointSlice) =>
        shortList(
          (ports ?? []).map(({ port: number }) => String(number ?? '*')),
          '<unset>',
        ),
    },
    {
      name: 'Endpoints',
      type: 'string',
      description: 'Addresses of the endpoints.',
      value: ({ endpoints }: EndpointSlice) =>
        shortList(
          endpoints.flatMap(({ addresses }) => addresses),
          '<unset>',
        ),
    },
    ageColumn,
  ],
  validate: endpointSliceCauses,
};

function shortList(words: readonly string[], none: string): string {
  if (words.length === 0) return none;
  return words.length > 3 ? `${words.slice(0, 3).join(',')} + ${words.length - 3} more...` : words.join(',');
}
