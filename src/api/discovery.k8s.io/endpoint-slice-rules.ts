/** Rules of EndpointSlices. k8s.io/kubernetes/pkg/apis/discovery/validation. */
import { isIP } from 'node:net';
import { duplicate, invalid, required } from '../cause.ts';
import { endpointAddressCauses } from '../core/address-rules.ts';
import type { AdmissionRequest } from '../kind.ts';
import type { Cause } from '../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem } from '../names.ts';
import { immutable } from '../number-rules.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from './endpoint-slice.ts';

const MOST = { endpoints: 1000, addresses: 100, ports: 20_000 };

export function endpointSliceCauses(request: AdmissionRequest<EndpointSlice>): readonly Cause[] {
  const { object, old, operation } = request;
  if (operation === 'DELETE') return [];
  const { addressType, endpoints, ports } = object;
  return [
    ...countCauses('endpoints', endpoints.length, MOST.endpoints),
    ...endpoints.flatMap((one, index) => endpointCauses(one, addressType, `endpoints[${index}]`)),
    ...portListCauses(ports ?? []),
    ...(old === undefined ? [] : immutable('addressType', addressType, old.addressType)),
  ];
}

function countCauses(field: string, count: number, most: number): readonly Cause[] {
  return count > most
    ? [{ type: 'FieldValueTooMany', field, message: `must have at most ${most} items`, value: count }]
    : [];
}

function endpointCauses(
  { addresses, hostname, nodeName }: Endpoint,
  type: EndpointSlice['addressType'],
  field: string,
): readonly Cause[] {
  const wrongHost = hostname === undefined ? undefined : dnsLabelProblem(hostname);
  const wrongNode = nodeName === undefined ? undefined : dnsSubdomainProblem(nodeName);
  return [
    ...(addresses.length === 0 ? [required(`${field}.addresses`, 'must contain at least 1 address')] : []),
    ...countCauses(`${field}.addresses`, addresses.length, MOST.addresses),
    ...addresses.flatMap((address, index) => addressCauses(`${field}.addresses[${index}]`, address, type)),
    ...(wrongNode === undefined ? [] : [invalid(`${field}.nodeName`, nodeName, wrongNode)]),
    ...(wrongHost === undefined ? [] : [invalid(`${field}.hostname`, hostname, wrongHost)]),
  ];
}

function addressCauses(field: string, address: string, type: EndpointSlice['addressType']): readonly Cause[] {
  if (type === 'FQDN') {
    const problem = dnsSubdomainProblem(address);
    return problem === undefined ? [] : [invalid(field, address, problem)];
  }
  const version = type === 'IPv4' ? 4 : 6;
  return isIP(address) === version
    ? endpointAddressCauses(field, address)
    : [invalid(field, address, `must be an ${type} address`)];
}

function portListCauses(ports: readonly EndpointPort[]): readonly Cause[] {
  const names = new Set<string>();
  return [
    ...countCauses('ports', ports.length, MOST.ports),
    ...ports.flatMap(({ name = '', port }, index) => {
      const field = `ports[${index}]`;
      const again = names.has(name);
      names.add(name);
      const problem = name === '' ? undefined : dnsLabelProblem(name);
      return [
        ...(problem === undefined ? [] : [invalid(`${field}.name`, name, problem)]),
        ...(again ? [duplicate(`${field}.name`, name, '')] : []),
        ...(port !== undefined && (port < 1 || port > 65535)
          ? [invalid(`${field}.port`, port, 'must be between 1 and 65535, inclusive')]
          : []),
      ];
    }),
  ];
}
