/** Address management of plug-ins: none, or `static`. */
import ipaddr from 'ipaddr.js';
import type { Cause } from '#api/meta.ts';
import type { Resource } from '#node-state/resource.ts';
import { type CniConfig, isRecord } from './config.ts';

/** What address management gives an interface. */
export interface Ipam {
  readonly resources: readonly Resource[];
  readonly gateways: readonly string[];
}

/** Checks `ipam`. */
export function validateIpam(config: CniConfig, field: string): readonly Cause[] {
  const ipam = config['ipam'];
  if (ipam === undefined || (isRecord(ipam) && Object.keys(ipam).length === 0)) {
    return [];
  }
  const type = isRecord(ipam) ? ipam['type'] : undefined;
  if (!isRecord(ipam) || type !== 'static') {
    return [
      {
        type: 'FieldValueNotSupported',
        field: `${field}.ipam.type`,
        value: type,
        message: `address management ${JSON.stringify(type)} is not supported here; leave "ipam" out and let the guest ask the network's DHCP, or use "static"`,
      },
    ];
  }
  return addressesOf(ipam).flatMap(({ address }, index) =>
    ipaddr.isValidCIDR(address)
      ? []
      : [
          {
            type: 'FieldValueInvalid' as const,
            field: `${field}.ipam.addresses[${index}].address`,
            value: address,
            message: `"${address}" is no address with prefix length, such as 192.168.1.5/24`,
          },
        ],
  );
}

/** Addresses and routes of `static` address management on an interface; nothing without it. */
export function staticIpam(config: CniConfig, netns: string, link: string): Ipam {
  const ipam = config['ipam'];
  if (!isRecord(ipam) || ipam['type'] !== 'static') {
    return { resources: [], gateways: [] };
  }
  const addresses = addressesOf(ipam);
  const gateways = addresses.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway]));
  const routes = (Array.isArray(ipam['routes']) ? ipam['routes'] : []).filter(isRecord);
  return {
    gateways,
    resources: [
      ...addresses.map(({ address }): Resource => ({ kind: 'address', netns, link, address })),
      ...routes.flatMap((route): Resource[] => {
        const via = typeof route['gw'] === 'string' ? route['gw'] : gateways[0];
        const destination = route['dst'] === '0.0.0.0/0' ? 'default' : route['dst'];
        return typeof destination === 'string' && via !== undefined
          ? [{ kind: 'route', netns, destination, link, via }]
          : [];
      }),
    ],
  };
}

function addressesOf(ipam: CniConfig): readonly { readonly address: string; readonly gateway?: string }[] {
  const list = Array.isArray(ipam['addresses']) ? ipam['addresses'] : [];
  return list.filter(isRecord).map((entry) => ({
    address: String(entry['address'] ?? ''),
    ...(typeof entry['gateway'] === 'string' && { gateway: entry['gateway'] }),
  }));
}
