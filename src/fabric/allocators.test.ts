import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bitsOf,
  containsRange,
  formatIp,
  formatRange,
  type Ip,
  parseInterface,
  parseRange,
} from '#api/ip-range.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import { managementOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import { formatAddress, requireRange } from './addresses.ts';
import { DEFAULT_NETWORK, ofFamilies, validateNetwork } from './config.ts';
import { IpPool } from './ip-pool.ts';
import { SubnetAllocator } from './subnet-allocator.ts';

const cidr = (text: string) => requireRange(text, 'test');

describe('networks', () => {
  it('are read as they are written', () => {
    const family = fc.constantFrom(4 as const, 6 as const);
    const ip: fc.Arbitrary<Ip & { prefix: number }> = family.chain((one) =>
      fc.record({
        family: fc.constant(one),
        value: fc.bigInt({ min: 0n, max: (1n << BigInt(bitsOf(one))) - 1n }),
        prefix: fc.nat(bitsOf(one)),
      }),
    );
    fc.assert(
      fc.property(ip, ({ prefix, ...address }) => {
        const parsed = parseInterface(`${formatAddress(address)}/${prefix}`);
        expect(parsed?.ip).toEqual(address);
        expect(parsed && parseRange(formatRange(parsed.range))).toEqual(parsed?.range);
      }),
    );
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.1/24',
    '10.0.0.0/33',
    '10.0.0/24',
    '010.0.0.0/8',
    '10.0.0.0/8/8',
    'fd00::1/64',
    'fd00::/129',
    'fe80::%1/64',
    '1.2.3.4/ 8',
  ])('are not: %j', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });

  it('make MACs as upstream does', () => {
    const ips = (...texts: string[]): Ip[] => texts.flatMap((text) => parseInterface(text)?.ip ?? []);
    expect(macOf(ips('10.128.0.5/23'))).toBe('0a:58:0a:80:00:05');
    expect(macOf(ips('fd01::5/64', '255.255.255.255/8'))).toBe('0a:58:ff:ff:ff:ff');
    expect(macOf(ips('fd01::5/64'))).toBe('0a:58:17:c7:32:f6');
    expect(macOf([], 'x')).toBe('0a:58:2d:71:16:42');
  });
});

describe('validateNetwork', () => {
  it('takes the defaults', () => {
    const [v4, v6] = [
      { network: cidr('10.128.0.0/14'), hostPrefix: 23, join: cidr('100.64.0.0/16') },
      { network: cidr('fd01::/48'), hostPrefix: 64, join: cidr('fd98::/64') },
    ];
    expect(validateNetwork(DEFAULT_NETWORK)).toEqual([v4, v6]);
    expect(validateNetwork(ofFamilies(DEFAULT_NETWORK, [4]))).toEqual([v4]);
    expect(validateNetwork(ofFamilies(DEFAULT_NETWORK, [6]))).toEqual([v6]);
  });

  it.each([
    [{ clusterNetwork: [] }, 'clusterNetwork has 0 entries'],
    [{ clusterNetwork: [{ cidr: '10.128.0.0/14', hostPrefix: 13 }] }, 'hostPrefix is 13; allowed is 14..29'],
    [{ clusterNetwork: [{ cidr: 'x', hostPrefix: 13 }] }, 'clusterNetwork[0].cidr: "x" is no network'],
    [
      {
        clusterNetwork: [
          { cidr: '10.128.0.0/14', hostPrefix: 23 },
          { cidr: '10.0.0.0/14', hostPrefix: 23 },
        ],
      },
      'clusterNetwork has 2 entries; allowed are one, or one of IPv4 and one of IPv6',
    ],
    [{ clusterNetwork: [{ cidr: 'fd01::/48', hostPrefix: 65 }] }, 'hostPrefix is 65; allowed is 48..64'],
    [
      { joinSubnets: ['100.64.0.0/16'] },
      'joinSubnets has no network of IPv6, and clusterNetwork[1] needs one',
    ],
    [{ serviceNetwork: ['fd01:0:0:1::/112'] }, 'overlaps clusterNetwork[1].cidr fd01::/48'],
    [
      { serviceNetwork: ['10.129.0.0/16'] },
      'serviceNetwork[0] 10.129.0.0/16 overlaps clusterNetwork[0].cidr',
    ],
    [{ joinSubnets: ['10.0.0.0/8'] }, 'joinSubnets[0] 10.0.0.0/8 overlaps'],
  ])('refuses %j', (change, message) => {
    expect(() => validateNetwork({ ...DEFAULT_NETWORK, ...change })).toThrow(message);
  });
});

describe('SubnetAllocator', () => {
  it('gives the lowest free subnet and never one twice', () => {
    const step = fc.record({ owner: fc.constantFrom('a', 'b', 'c', 'd', 'e'), release: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const network = cidr('10.0.0.0/22');
        const allocator = new SubnetAllocator(network, 24);
        const held = new Map<string, string>();
        for (const { owner, release } of steps) {
          if (release) {
            allocator.release(owner);
            held.delete(owner);
            continue;
          }
          const subnet = allocator.allocate(owner);
          if (subnet === undefined) {
            expect(held.size).toBe(4);
            continue;
          }
          expect(containsRange(network, subnet)).toBe(true);
          expect(held.get(owner) ?? formatRange(subnet)).toBe(formatRange(subnet));
          held.set(owner, formatRange(subnet));
          expect(new Set(held.values()).size).toBe(held.size);
        }
      }),
    );
  });

  it.each([
    ['10.0.4.0/24', false],
    ['10.0.1.0/25', false],
    ['10.0.0.0/24', false],
    ['10.0.1.0/24', true],
    ['fd01::/24', false],
  ])('claims %s: %s', (text, isDone) => {
    const allocator = new SubnetAllocator(cidr('10.0.0.0/22'), 24);
    allocator.allocate('first');
    expect(allocator.claim('other', cidr(text))).toBe(isDone);
  });
});

describe("the addresses of a node's subnet", () => {
  const pool = (text: string): IpPool => new IpPool(cidr(text), [], managementOffset);
  const allocate = (of: IpPool): string | undefined => {
    const value = of.allocate('a');
    return value === undefined ? undefined : formatIp(of.subnet.family, value);
  };

  it('leave network, gateway, management port and broadcast out', () => {
    const v4 = pool('10.0.0.0/29');
    expect(Array.from({ length: 5 }, () => allocate(v4))).toEqual([
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      undefined,
    ]);
    const v6 = pool('fd01::/125');
    expect(Array.from({ length: 6 }, () => allocate(v6))).toEqual([
      'fd01::3',
      'fd01::4',
      'fd01::5',
      'fd01::6',
      'fd01::7',
      undefined,
    ]);
  });

  it('are not given again at once after their release', () => {
    const v4 = pool('10.0.0.0/29');
    const [first = 0n, second = 0n] = [v4.allocate('a'), v4.allocate('b')];
    v4.release(first);
    expect(v4.allocate('c')).toBe(second + 1n);
    v4.release(second);
    expect([v4.allocate('d'), v4.allocate('e')]).toEqual([second + 2n, first]);
  });

  it('are never given twice, and all of them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 20 }), { maxLength: 100 }), (steps) => {
        const v4 = pool('10.0.0.0/28');
        const held: bigint[] = [];
        for (const step of steps) {
          const victim = step < 0 ? undefined : held[step];
          if (victim !== undefined) {
            v4.release(victim);
            held.splice(step, 1);
          } else {
            const address = v4.allocate('a');
            expect(address === undefined).toBe(held.length === 12);
            held.push(...(address === undefined ? [] : [address]));
          }
          expect(new Set(held).size).toBe(held.length);
        }
      }),
    );
  });

  it('are claimed by one only, and only where pods may have them', () => {
    const v4 = pool('10.0.0.0/29');
    const { base } = v4.subnet;
    const claims = [0, 1, 2, 3, 3, 7, 8].map((offset, i) => v4.claim(base + BigInt(offset), `owner ${i}`));
    expect(claims).toEqual([false, false, false, true, false, false, false]);
  });
});
