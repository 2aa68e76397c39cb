/** Rules of NetworkPolicies. k8s.io/kubernetes/pkg/apis/networking/validation ValidateNetworkPolicySpec. */
import { BlockList, isIP } from 'node:net';
import { forbidden, invalid, required } from '../cause.ts';
import type { AdmissionRequest } from '../kind.ts';
import { labelSelectorCauses } from '../label-rules.ts';
import type { Cause } from '../meta.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from './network-policy.ts';

const PORT_WORDS = 'must be between 1 and 65535, inclusive';
const CIDR_WORDS = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';
const PORT_NAME = /^(?=.*[a-z])(?!.*--)(?!-)[a-z0-9-]{1,15}(?<!-)$/;

export function networkPolicyCauses({
  object,
  operation,
}: AdmissionRequest<NetworkPolicy>): readonly Cause[] {
  if (operation === 'DELETE') return [];
  const { podSelector, ingress = [], egress = [], policyTypes = [] } = object.spec ?? {};
  const ruleCauses = (
    field: string,
    peerField: string,
    ports: readonly NetworkPolicyPort[],
    peers: readonly NetworkPolicyPeer[],
  ) => [
    ...ports.flatMap((port, index) => portCauses(port, `${field}.ports[${index}]`)),
    ...peers.flatMap((peer, index) => peerCauses(peer, `${field}.${peerField}[${index}]`)),
  ];
  return [
    ...labelSelectorCauses('spec.podSelector', podSelector),
    ...ingress.flatMap(({ ports = [], from = [] }, index) =>
      ruleCauses(`spec.ingress[${index}]`, 'from', ports, from),
    ),
    ...egress.flatMap(({ ports = [], to = [] }, index) =>
      ruleCauses(`spec.egress[${index}]`, 'to', ports, to),
    ),
    ...(policyTypes.length > 2
      ? [invalid('spec.policyTypes', policyTypes, 'may not specify more than two policyTypes')]
      : []),
  ];
}

const inRange = (port: number): boolean => port >= 1 && port <= 65535;

function portCauses({ port, endPort }: NetworkPolicyPort, field: string): readonly Cause[] {
  if (typeof port === 'number') {
    return [
      ...(inRange(port) ? [] : [invalid(`${field}.port`, port, PORT_WORDS)]),
      ...(endPort !== undefined && endPort < port
        ? [invalid(`${field}.endPort`, endPort, 'must be greater than or equal to `port`')]
        : []),
      ...(endPort !== undefined && !inRange(endPort)
        ? [invalid(`${field}.endPort`, endPort, PORT_WORDS)]
        : []),
    ];
  }
  const what = port === undefined ? 'not specified' : 'non-numeric';
  return [
    ...(endPort === undefined
      ? []
      : [invalid(`${field}.endPort`, endPort, `may not be specified when \`port\` is ${what}`)]),
    ...(port === undefined || PORT_NAME.test(port)
      ? []
      : [
          invalid(
            `${field}.port`,
            port,
            'must be a port number or the name of a container port: at most 15 lower case letters, digits or dashes, one letter at least',
          ),
        ]),
  ];
}

function peerCauses(peer: NetworkPolicyPeer, field: string): readonly Cause[] {
  const { podSelector, namespaceSelector, ipBlock } = peer;
  const given = [podSelector, namespaceSelector, ipBlock].filter((one) => one !== undefined).length;
  if (given === 0) return [required(field, 'must specify a peer')];
  if (given > 1 && ipBlock !== undefined) {
    return [forbidden(field, 'may not specify both ipBlock and another peer')];
  }
  return [
    ...labelSelectorCauses(`${field}.podSelector`, podSelector),
    ...labelSelectorCauses(`${field}.namespaceSelector`, namespaceSelector),
    ...(ipBlock === undefined ? [] : blockCauses(ipBlock, `${field}.ipBlock`)),
  ];
}

interface Range {
  readonly address: string;
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** A range in CIDR notation, or nothing. */
export function parseCidr(text: string): Range | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const version = isIP(address);
  const bits = Number(length);
  if (version === 0 || bits > (version === 4 ? 32 : 128)) return undefined;
  return { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

function blockCauses(block: NonNullable<NetworkPolicyPeer['ipBlock']>, field: string): readonly Cause[] {
  if (block.cidr === '') return [required(`${field}.cidr`, '')];
  const outer = parseCidr(block.cidr);
  if (outer === undefined) return [invalid(`${field}.cidr`, block.cidr, CIDR_WORDS)];
  const inside = new BlockList();
  inside.addSubnet(outer.address, outer.bits, outer.family);
  return (block.except ?? []).flatMap((text, index) => {
    const at = `${field}.except[${index}]`;
    const inner = parseCidr(text);
    if (inner === undefined) return [invalid(at, text, CIDR_WORDS)];
    const strict =
      inner.family === outer.family && inner.bits > outer.bits && inside.check(inner.address, inner.family);
    return strict ? [] : [invalid(at, text, 'must be a strict subset of `cidr`')];
  });
}
