import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '#node-state/link.ts';
import { satisfies } from '#node-state/match.ts';
import { type Operation, type Resource, resourceId } from '#node-state/resource.ts';
import { diff } from './diff.ts';

const netnsName = fc.constantFrom('a.1', 'a.2');
const linkName = fc.constantFrom('eth0', 'k6t-eth0', 'tap0', 'pod1');

const device: fc.Arbitrary<Link['device']> = fc.oneof(
  fc.constantFrom('hosta', 'hostb').map((name) => ({ type: 'veth' as const, peer: { netns: '', name } })),
  fc.boolean().map((stp) => ({ type: 'bridge' as const, stp, vlanFiltering: false })),
  fc.constantFrom(1, 2, 4).map((queues) => ({ type: 'tap' as const, owner: 107, queues })),
  fc.constant({ type: 'dummy' as const }),
);

const link: fc.Arbitrary<Resource> = fc.record({
  kind: fc.constant('link' as const),
  netns: netnsName,
  name: linkName,
  device,
  up: fc.boolean(),
  mtu: fc.constantFrom(1400, 1500),
  mac: fc.constantFrom('02:00:00:00:00:01', '02:00:00:00:00:02'),
});

const ported = fc
  .tuple(link, fc.constantFrom('k6t-eth0', undefined))
  .map(
    ([resource, bridge]): Resource =>
      resource.kind === 'link' && bridge !== undefined && resource.name !== bridge
        ? { ...resource, port: { bridge } }
        : resource,
  );

const resource: fc.Arbitrary<Resource> = fc.oneof(
  ported,
  fc.record({
    kind: fc.constant('address' as const),
    netns: netnsName,
    link: linkName,
    address: fc.constantFrom('10.0.2.1/24', 'fd10:0:2::1/120'),
  }),
  fc.record({
    kind: fc.constant('route' as const),
    netns: netnsName,
    destination: fc.constantFrom('default', '::/0'),
    link: linkName,
    via: fc.constantFrom('10.0.2.2', '10.0.2.3'),
  }),
  fc.record({
    kind: fc.constant('ovs-port' as const),
    name: fc.constantFrom('hosta', 'hostb'),
    bridge: fc.constantFrom('br-int', 'br1'),
    interfaceType: fc.constant('system' as const),
    tag: fc.integer({ min: 1, max: 3 }),
    externalIds: fc.constant({ sandbox: 'a.1' }),
  }),
  fc.record({
    kind: fc.constant('nft-table' as const),
    netns: netnsName,
    family: fc.constant('ip' as const),
    name: fc.constant('nat'),
    objects: fc.constantFrom([], [{ chain: { name: 'x' } }]),
  }),
);

/** A set of resources in which every namespace that is used is there. */
const state = fc
  .uniqueArray(resource, { selector: resourceId, maxLength: 12 })
  .map((resources): Resource[] => {
    const names = new Set(
      resources.flatMap((one) => ('netns' in one && one.netns !== '' ? [one.netns] : [])),
    );
    return [...[...names].map((netns): Resource => ({ kind: 'netns', netns })), ...resources];
  });

/** Carries operations out as a kernel would: what stands on something that is removed is gone too. */
function carryOut(observed: readonly Resource[], operations: readonly Operation[]): Resource[] {
  const there = new Map(observed.map((one) => [resourceId(one), one]));
  for (const operation of operations) {
    if (operation.op !== 'delete') {
      there.set(resourceId(operation.to), operation.to);
      continue;
    }
    const { from } = operation;
    there.delete(resourceId(from));
    for (const [id, one] of there) {
      const inNetns = from.kind === 'netns' && 'netns' in one && one.netns === from.netns;
      const onLink =
        from.kind === 'link' && 'link' in one && one.netns === from.netns && one.link === from.name;
      if (inNetns || onLink) there.delete(id);
      if (
        from.kind === 'link' &&
        one.kind === 'link' &&
        one.port?.bridge === from.name &&
        one.netns === from.netns
      ) {
        const { port: _port, ...rest } = one;
        there.set(id, rest);
      }
    }
  }
  return [...there.values()];
}

describe('diff', () => {
  it('is empty when everything is as desired', () => {
    fc.assert(
      fc.property(state, (desired) => {
        expect(diff(desired, desired)).toEqual([]);
      }),
    );
  });

  it('carried out, gives what is desired, and nothing is left to do', () => {
    fc.assert(
      fc.property(state, state, (desired, observed) => {
        const after = carryOut(observed, diff(desired, observed));
        expect(diff(desired, after)).toEqual([]);
        const found = new Map(after.map((one) => [resourceId(one), one]));
        expect(after.map(resourceId).sort()).toEqual(desired.map(resourceId).sort());
        expect(desired.filter((one) => !satisfies(one, found.get(resourceId(one)) ?? one))).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('makes bridges before their ports, and links before what is on them', () => {
    const tap: Resource = {
      kind: 'link',
      netns: 'a.1',
      name: 'tap0',
      device: { type: 'tap', owner: 107, queues: 1 },
      up: true,
      port: { bridge: 'k6t-eth0' },
    };
    const bridge: Resource = {
      kind: 'link',
      netns: 'a.1',
      name: 'k6t-eth0',
      device: { type: 'bridge', stp: false, vlanFiltering: false },
      up: true,
    };
    const address: Resource = { kind: 'address', netns: 'a.1', link: 'k6t-eth0', address: '10.0.2.1/24' };
    const netns: Resource = { kind: 'netns', netns: 'a.1' };
    const made = diff([address, tap, bridge, netns], []);
    expect(made.map((operation) => operation.op !== 'delete' && resourceId(operation.to))).toEqual(
      [netns, bridge, tap, address].map(resourceId),
    );
    expect(diff([], [netns, bridge, tap, address])).toEqual([{ op: 'delete', from: netns }]);
  });

  it('never removes a NIC that was there before', () => {
    const nic: Resource = { kind: 'link', netns: '', name: 'eth1', device: { type: 'nic' }, up: true };
    expect(diff([], [nic])).toEqual([]);
  });
});
