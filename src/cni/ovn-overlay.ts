/** The default pod network: `eth0` on OVN's integration bridge, addressed by the fabric's annotation. */
import ipaddr from 'ipaddr.js';
import { PatchbayError } from '#machinery/errors.ts';
import type { Link } from '#node-state/link.ts';
import { hostLinkName } from '#node-state/mac.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import type { Attachment, AttachmentInput } from './attachment.ts';
import { isRecord } from './config.ts';
import { otherLinkLayers, routers } from './guest-rules.ts';

/** Annotation in which the fabric tells a pod's addresses, by network. */
export const podNetworksAnnotation = 'k8s.ovn.org/pod-networks';

/** Name of the pod's end. */
export const primaryInterface = 'eth0';

/** Name of the pod's end of a primary user-defined network, beside which `eth0` is for health checks only. */
export const primaryNetworkInterface = 'ovn-udn1';

/** A pod's place on one OVN network. */
export interface PodNetwork {
  readonly mac: string;
  /** CIDRs. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  readonly routes: readonly { readonly destination: string; readonly via?: string }[];
}

/**
 * Reads one network of the annotation; undefined when the fabric has not written it yet.
 * Throws a PatchbayError `InvalidPodNetwork` when it is there and makes no sense.
 */
export function parsePodNetwork(annotation: string | undefined, network: string): PodNetwork | undefined {
  if (annotation === undefined) {
    return undefined;
  }
  const refuse = (why: string): PatchbayError =>
    new PatchbayError(
      'InvalidPodNetwork',
      `annotation ${podNetworksAnnotation}, network "${network}": ${why}`,
    );
  const parsed = parseJson(annotation);
  const entry = isRecord(parsed) ? parsed[network] : undefined;
  if (!isRecord(parsed)) {
    throw refuse('is no JSON object');
  }
  if (!isRecord(entry)) {
    return undefined;
  }
  const addresses = strings(entry['ip_addresses'] ?? entry['ip_address']);
  const mac = entry['mac_address'];
  if (typeof mac !== 'string' || !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) {
    throw refuse(`mac_address ${JSON.stringify(mac)} is no MAC address`);
  }
  const wrong = addresses.find((address) => !ipaddr.isValidCIDR(address));
  if (wrong !== undefined) {
    throw refuse(`ip_addresses has "${wrong}", which is no CIDR`);
  }
  const gateways = strings(entry['gateway_ips'] ?? entry['gateway_ip']);
  return { mac, addresses, gateways, routes: routesOf(entry['routes']) };
}

/** Key of a pod's primary user-defined network in the annotation, `<namespace>/<name>`; undefined when it has none. */
export function primaryNetworkOf(annotation: string | undefined): string | undefined {
  const parsed = annotation === undefined ? undefined : parseJson(annotation);
  const found = Object.entries(isRecord(parsed) ? parsed : {}).find(
    ([key, entry]) => key !== 'default' && isRecord(entry) && entry['role'] === 'primary',
  );
  return found?.[0];
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Told by the caller, with the annotation's name.
    return undefined;
  }
}

function strings(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((item): item is string => typeof item === 'string');
}

function routesOf(value: unknown): readonly { readonly destination: string; readonly via?: string }[] {
  return (Array.isArray(value) ? value : []).filter(isRecord).flatMap((route) => {
    const { dest, nextHop } = route;
    if (typeof dest !== 'string') {
      return [];
    }
    return [{ destination: dest, ...(typeof nextHop === 'string' && nextHop !== '' && { via: nextHop }) }];
  });
}

/** The default network of a pod as node state. */
export function composeDefaultNetwork(
  input: Omit<AttachmentInput, 'config' | 'mac'>,
  network: PodNetwork,
): Attachment {
  const { podNamespace, podName } = input.sandbox;
  return composeOvnEnd(input, network, { portName: `${podNamespace}_${podName}`, mtu: input.node.podMtu });
}

/** A pod's end of an OVN network, and the port of the integration bridge whose name is that of the logical port. */
export function composeOvnEnd(
  input: Omit<AttachmentInput, 'config' | 'mac'>,
  network: PodNetwork,
  port: {
    readonly portName: string;
    readonly mtu: number;
    readonly externalIds?: Readonly<Record<string, string>>;
  },
): Attachment {
  const { sandbox, interfaceName, node } = input;
  const { netns } = sandbox;
  const host = hostLinkName(sandbox.podUid, interfaceName);
  const podLink: Link = {
    kind: 'link',
    netns,
    name: interfaceName,
    device: { type: 'veth', peer: { netns: NODE, name: host } },
    up: true,
    mtu: port.mtu,
    mac: network.mac,
    ...(node.ovsUserspace && { offload: false }),
  };
  return {
    podLink,
    podResources: podResources(netns, interfaceName, network),
    nodeResources: [
      {
        kind: 'ovs-port',
        name: host,
        bridge: 'br-int',
        interfaceType: 'system',
        externalIds: {
          'iface-id': port.portName,
          'iface-id-ver': sandbox.podUid,
          attached_mac: network.mac,
          ip_addresses: network.addresses.join(','),
          sandbox: netns,
          ...port.externalIds,
        },
      },
    ],
    gateways: network.gateways,
    ...forbiddenOf(network),
  };
}

/**
 * What OVN 23.03 lets pass (`fabric/guard.ts`): on a network with IPv6 what routers say, and without addresses, where it
 * checks frames and ARP alone, another MAC told by neighbour discovery. Without an IPv6 address no IPv6 passes at all.
 */
function forbiddenOf({ addresses, mac }: PodNetwork): Pick<Attachment, 'forbidden'> {
  if (addresses.length === 0) {
    return { forbidden: otherLinkLayers(mac) };
  }
  return addresses.some((address) => address.includes(':')) ? { forbidden: [routers] } : {};
}

function podResources(netns: string, link: string, network: PodNetwork): readonly Resource[] {
  return [
    ...network.addresses.map(
      (address): Resource => ({
        kind: 'address',
        netns,
        link,
        address,
        ...(address.includes(':') && { noDad: true }),
      }),
    ),
    ...network.gateways.map((via): Resource => {
      const destination = via.includes(':') ? '::/0' : 'default';
      return { kind: 'route', netns, destination, link, via };
    }),
    ...network.routes.map(
      ({ destination, via }): Resource => ({
        kind: 'route',
        netns,
        destination,
        link,
        ...(via !== undefined && { via }),
      }),
    ),
  ];
}
