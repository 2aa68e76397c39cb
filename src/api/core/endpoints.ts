import { isDeepStrictEqual } from 'node:util';
import { invalid, required } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { dnsLabelProblem } from '../names.ts';
import { array, int32, object, string, type TypeOf } from '../schema.ts';
import { endpointAddressCauses } from './address-rules.ts';
import { protocol } from './container.ts';
import { objectReference } from './reference.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;
const mapType = { 'x-kubernetes-map-type': 'atomic' } as const;

const address = object(
  {
    ip: string('Address.'),
    hostname: string('Host name of it.'),
    nodeName: string('Node it is on.'),
    targetRef: objectReference,
  },
  ['ip'],
  'An address.',
  mapType,
);
const port = object(
  {
    name: string('Name of the service port.'),
    port: int32('Port number.'),
    protocol,
    appProtocol: string('Application protocol.'),
  },
  ['port'],
  'A port.',
  mapType,
);
const subset = object({
  addresses: array(address, 'Addresses that are ready.', atomic),
  notReadyAddresses: array(address, 'Addresses that are not ready.', atomic),
  ports: array(port, 'Ports of these addresses.', atomic),
});

const schema = object(
  { subsets: array(subset, 'Addresses and ports, grouped.', atomic) },
  [],
  'Addresses behind a service.',
);

/** Addresses behind a service. */
export type Endpoints = KubeObject & TypeOf<typeof schema>;
export type EndpointSubset = TypeOf<typeof subset>;
export type EndpointAddress = TypeOf<typeof address>;
export type EndpointsPort = TypeOf<typeof port>;

export const endpoints: KindDefinition<Endpoints> = {
  group: '',
  version: 'v1',
  kind: 'Endpoints',
  plural: 'endpoints',
  singular: 'endpoints',
  shortNames: ['ep'],
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    { name: 'Endpoints', type: 'string', description: 'Addresses and ports.', value: endpointsCell },
    ageColumn,
  ],
  validate,
  deprecation: 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};

/** At most three addresses, as upstream. */
function endpointsCell({ subsets = [] }: Endpoints): string {
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap((one) => addresses.map(({ ip }) => hostPort(ip, one.port))),
  );
  if (all.length === 0) return '<none>';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

function hostPort(ip: string, portNumber: number): string {
  return ip.includes(':') ? `[${ip}]:${portNumber}` : `${ip}:${portNumber}`;
}

/** k8s.io/kubernetes/pkg/apis/core/validation ValidateEndpoints. */
function validate({ object, old, operation }: AdmissionRequest<Endpoints>): readonly Cause[] {
  // What is stored already stays writable, so that metadata can change.
  if (operation === 'DELETE' || (old !== undefined && isDeepStrictEqual(object.subsets, old.subsets)))
    return [];
  return (object.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }, index) => {
    const field = `subsets[${index}]`;
    return [
      ...(addresses.length + notReadyAddresses.length === 0
        ? [required(field, 'must specify `addresses` or `notReadyAddresses`')]
        : []),
      ...addresses.flatMap(({ ip }, at) => endpointAddressCauses(`${field}.addresses[${at}].ip`, ip)),
      ...notReadyAddresses.flatMap(({ ip }, at) =>
        endpointAddressCauses(`${field}.notReadyAddresses[${at}].ip`, ip),
      ),
      ...ports.flatMap((one, at) => portCauses(one, `${field}.ports[${at}]`, ports.length > 1)),
    ];
  });
}

function portCauses(
  { name = '', port: number }: EndpointsPort,
  field: string,
  several: boolean,
): readonly Cause[] {
  const problem = name === '' ? undefined : dnsLabelProblem(name);
  return [
    ...(several && name === '' ? [required(`${field}.name`, '')] : []),
    ...(problem === undefined ? [] : [invalid(`${field}.name`, name, problem)]),
    ...(number >= 1 && number <= 65535
      ? []
      : [invalid(`${field}.port`, number, 'must be between 1 and 65535, inclusive')]),
  ];
}
