/** What a tenant sends to be heard outside of its own network (T17). */
import { arp, ethernet, etherType, everybody, icmp, ipv4, mark, tcpSyn, udp, word } from './frames.ts';
import type { Identity } from './spoofing.ts';

/** Probes of one address: every protocol, and what makes a switch forget to look (options, fragments, protocol 0 first). */
export function probes(self: Identity, to: Identity, prefix: string): readonly Buffer[] {
  const over = { src: self.ip4, dst: to.ip4 };
  const name = (what: string): string => `${prefix}-${what}`;
  const frame = (protocol: number, payload: Uint8Array, more: object = {}): Buffer =>
    ethernet(
      { src: self.mac, dst: to.mac, type: etherType.ip4 },
      ipv4({ ...over, protocol, ...more }, payload),
    );
  const syn = (port: number): Buffer => tcpSyn({ from: 40_000 + port, to: port }, over, mark(name('tcp')));
  const question = Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0x61, 0, 0, 1, 0, 1]),
    mark(name('dns')),
  ]);
  const cut = udp({ from: 5001, to: 53 }, Buffer.concat([Buffer.alloc(24), mark(name('frag'))]));
  const sctp = Buffer.concat([
    word(5001),
    word(22),
    Buffer.alloc(8),
    Buffer.from([1, 0, 0, 20]),
    mark(name('sctp')),
  ]);
  const answer = (what: string): Buffer => Buffer.concat([Buffer.alloc(12), mark(what)]);
  return [
    // CVE-2023-1668: a packet of protocol 0 must not make a flow that lets all others pass.
    frame(0, mark(name('proto0'))),
    frame(1, icmp(8, 0, Buffer.concat([Buffer.alloc(4), mark(name('icmp'))]))),
    ...[22, 80, 443, 6443, 10_250].map((port) => frame(6, syn(port))),
    // CVE-2025-0650: what looks like a question for a name.
    frame(17, udp({ from: 5353, to: 53 }, question)),
    frame(17, udp({ from: 5001, to: 5002 }, mark(name('udp')))),
    frame(132, sctp),
    frame(17, udp({ from: 5001, to: 5002 }, mark(name('option'))), {
      options: Buffer.from([7, 7, 4, 0, 0, 0, 0, 0]),
    }),
    frame(17, udp({ from: 5001, to: 5002 }, mark(name('route'))), {
      options: Buffer.concat([Buffer.from([131, 7, 4]), Buffer.from([10, 0, 0, 3, 0])]),
    }),
    frame(17, cut.subarray(0, 24), { moreFragments: true }),
    frame(17, cut.subarray(24), { fragmentOffset: 24 }),
    frame(17, udp({ from: 5353, to: 5353 }, answer(name('mdns')))),
    ethernet(
      { src: self.mac, dst: '01:00:5e:00:00:fb', type: etherType.ip4 },
      ipv4(
        { src: self.ip4, dst: '224.0.0.251', protocol: 17, ttl: 255 },
        udp({ from: 5353, to: 5353 }, answer('all-mdns')),
      ),
    ),
    ...[everybody, to.mac].map((dst) =>
      ethernet(
        { src: self.mac, dst, type: etherType.arp },
        arp(
          'request',
          { sha: self.mac, spa: self.ip4, tpa: to.ip4 },
          mark(dst === everybody ? 'all-arp' : name('arp')),
        ),
      ),
    ),
  ];
}
