import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressAllocator } from './address-allocator.ts';
import {
  contains,
  formatAddress,
  formatCidr,
  macOf,
  parseCidr,
  parseInterfaceAddress,
  requireCidr,
} from './cidr.ts';
import { DEFAULT_NETWORK, validateNetwork } from './config.ts';
import { SubnetAllocator } from './subnet-allocator.ts';

const cidr = (text: string) => requireCidr(text, 'test');

describe('cidr', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(32), (address, prefix) => {
        const parsed = parseInterfaceAddress(`${formatAddress(address)}/${prefix}`);
        expect(parsed?.address).toBe(address);
        expect(parseCidr(formatCidr(parsed?.network ?? { base: 0, prefix: 0 }))).toEqual(parsed?.network);
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
    'fd00::/64',
    '1.2.3.4/ 8',
  ])('refuses %j as a network', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });

  it('makes MACs as upstream does', () => {
    expect(macOf(parseInterfaceAddress('10.128.0.5/23')?.address ?? 0)).toBe('0a:58:0a:80:00:05');
    expect(macOf(0xffffffff)).toBe('0a:58:ff:ff:ff:ff');
  });
});

describe('validateNetwork', () => {
  it('takes the defaults', () => {
    expect(validateNetwork(DEFAULT_NETWORK)).toEqual({ network: cidr('10.128.0.0/14'), hostPrefix: 23 });
  });

  it.each([
    [{ clusterNetwork: [] }, 'clusterNetwork has 0 entries'],
    [{ clusterNetwork: [{ cidr: '10.128.0.0/14', hostPrefix: 13 }] }, 'hostPrefix is 13; allowed is 14..29'],
    [{ clusterNetwork: [{ cidr: 'x', hostPrefix: 13 }] }, 'clusterNetwork[0].cidr: "x" is no IPv4 network'],
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
          expect(contains(network, subnet)).toBe(true);
          expect(held.get(owner) ?? formatCidr(subnet)).toBe(formatCidr(subnet));
          held.set(owner, formatCidr(subnet));
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
  ])('claims %s: %s', (text, isDone) => {
    const allocator = new SubnetAllocator(cidr('10.0.0.0/22'), 24);
    allocator.allocate('first');
    expect(allocator.claim('other', cidr(text))).toBe(isDone);
  });
});

describe('AddressAllocator', () => {
  it('leaves network, gateway, management port and broadcast out', () => {
    const allocator = new AddressAllocator(cidr('10.0.0.0/29'));
    const given = Array.from({ length: 5 }, () => allocator.allocate());
    expect(given.map((address) => address && formatAddress(address))).toEqual([
      '10.0.0.3',
      '10.0.0.4',
      '10.0.0.5',
      '10.0.0.6',
      undefined,
    ]);
  });

  it('does not give a released address again at once', () => {
    const allocator = new AddressAllocator(cidr('10.0.0.0/29'));
    const [first = 0, second = 0] = [allocator.allocate(), allocator.allocate()];
    allocator.release(first);
    expect(allocator.allocate()).toBe(second + 1);
    allocator.release(second);
    expect([allocator.allocate(), allocator.allocate()]).toEqual([second + 2, first]);
  });

  it('never gives an address twice, and all of them', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1, max: 20 }), { maxLength: 100 }), (steps) => {
        const allocator = new AddressAllocator(cidr('10.0.0.0/28'));
        const held: number[] = [];
        for (const step of steps) {
          const victim = step < 0 ? undefined : held[step];
          if (victim !== undefined) {
            allocator.release(victim);
            held.splice(step, 1);
          } else {
            const address = allocator.allocate();
            expect(address === undefined).toBe(held.length === 12);
            held.push(...(address === undefined ? [] : [address]));
          }
          expect(new Set(held).size).toBe(held.length);
        }
      }),
    );
  });

  it('claims only what pods may have, once', () => {
    const allocator = new AddressAllocator(cidr('10.0.0.0/29'));
    const { base } = allocator.subnet;
    expect([0, 1, 2, 3, 3, 7, 8].map((offset) => allocator.claim(base + offset))).toEqual([
      false,
      false,
      false,
      true,
      false,
      false,
      false,
    ]);
  });
});
