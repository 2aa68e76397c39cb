/** The NAT table of a guest behind masquerade, chain by chain as upstream writes it. */
import type { NftObject, NftTable } from '#node-state/nft.ts';

/** A port that may be reached from outside. */
export interface OpenPort {
  readonly protocol: 'tcp' | 'udp';
  readonly from: number;
  readonly to: number;
}

/** What the rules depend on. */
export interface MasqueradeRules {
  readonly netns: string;
  readonly family: 'ip' | 'ip6';
  readonly podInterface: string;
  readonly bridge: string;
  readonly guest: string;
  readonly gateway: string;
  /** Undefined: every port. */
  readonly ports: readonly OpenPort[] | undefined;
}

/** Ports of live migration: what comes in to them is dropped whatever the guest listens on. */
const migrationPorts = [49152, 49153];

/** Composes table `nat`. */
export function composeMasqueradeTable(rules: MasqueradeRules): NftTable {
  const { netns, family, podInterface, bridge } = rules;
  const loopback = family === 'ip' ? '127.0.0.1' : '::1';
  const objects: NftObject[] = [
    base('prerouting', 'prerouting', -100),
    base('input', 'input', 100),
    base('output', 'output', -100),
    base('postrouting', 'postrouting', 100),
    { chain: { name: 'guest', type: 'filter', hook: 'prerouting', prio: -300, policy: 'accept' } },
    { chain: { name: 'forward', type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
    { chain: { name: 'KUBEVIRT_PREINBOUND' } },
    { chain: { name: 'KUBEVIRT_POSTINBOUND' } },
    rule('postrouting', [is(address(family, 'saddr'), rules.guest)], { masquerade: null }),
    rule('prerouting', [is(meta('iifname'), podInterface)], jump('KUBEVIRT_PREINBOUND')),
    rule('postrouting', [is(meta('oifname'), bridge)], jump('KUBEVIRT_POSTINBOUND')),
    rule('KUBEVIRT_PREINBOUND', [is(dport('tcp'), { set: migrationPorts })], { drop: null }),
    ...inbound(rules, loopback),
    ...unhidden(rules),
  ];
  return { kind: 'nft-table', netns, family, name: 'nat', objects };
}

/**
 * What the guest sends leaves as the pod's or not at all: under another address it would not be hidden, and the pod
 * would answer who never asked; nor would it be in a connection that the kernel does not know.
 */
function unhidden({ family, bridge, guest }: MasqueradeRules): readonly NftObject[] {
  const fromGuest = is(meta('iifname'), bridge);
  // Before it has its address it asks for one without.
  const local = family === 'ip' ? ['0.0.0.0'] : ['::', { prefix: { addr: 'fe80::', len: 10 } }];
  const own = { set: [guest, ...local] };
  return [
    rule('guest', [fromGuest, { match: { op: '!=', left: address(family, 'saddr'), right: own } }], {
      drop: null,
    }),
    rule('forward', [fromGuest, is({ ct: { key: 'state' } }, 'invalid')], { drop: null }),
  ];
}

function inbound(rules: MasqueradeRules, loopback: string): readonly NftObject[] {
  const { family, guest, gateway, ports } = rules;
  const matches = ports === undefined ? [[]] : ports.map((port) => [is(dport(port.protocol), span(port))]);
  const toGuest = { dnat: { addr: guest } };
  const toPorts = matches.flatMap((match) => [
    rule('KUBEVIRT_POSTINBOUND', [is(address(family, 'saddr'), loopback), ...match], {
      snat: { addr: gateway },
    }),
    rule('KUBEVIRT_PREINBOUND', match, toGuest),
    rule('output', [is(address(family, 'daddr'), loopback), ...match], toGuest),
  ]);
  // A ports list closes all others without a word; upstream leaves them to the pod's kernel, which tells scanners it is there.
  const others = is(meta('l4proto'), { set: ['tcp', 'udp'] });
  return ports === undefined ? toPorts : [...toPorts, rule('KUBEVIRT_PREINBOUND', [others], { drop: null })];
}

function span(port: OpenPort): unknown {
  return port.from === port.to ? port.from : { range: [port.from, port.to] };
}

function base(name: string, hook: string, prio: number): NftObject {
  return { chain: { name, type: 'nat', hook, prio, policy: 'accept' } };
}

function rule(chain: string, matches: readonly unknown[], verdict: unknown): NftObject {
  return { rule: { chain, expr: [...matches, { counter: null }, verdict] } };
}

function jump(target: string): unknown {
  return { jump: { target } };
}

function is(left: unknown, right: unknown): unknown {
  return { match: { op: '==', left, right } };
}

function meta(key: string): unknown {
  return { meta: { key } };
}

function address(family: 'ip' | 'ip6', field: 'saddr' | 'daddr'): unknown {
  return { payload: { protocol: family, field } };
}

function dport(protocol: 'tcp' | 'udp'): unknown {
  return { payload: { protocol, field: 'dport' } };
}
