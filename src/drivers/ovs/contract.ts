/** What every Open vSwitch driver does, the real one and the fake. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OvsBridge, OvsPort } from '#node-state/ovs.ts';
import { NODE, type Operation } from '#node-state/resource.ts';
import type { OvsDriver, OvsResource } from './driver.ts';

/** A driver on a switch with `br-int`, and the links `va` and `vb`. */
export interface OvsFixture {
  readonly driver: OvsDriver;
  /** Number of transactions (or other writes) so far. */
  writes(): number | Promise<number>;
  dispose(): Promise<void>;
}

const bridge: OvsBridge = {
  kind: 'ovs-bridge',
  name: 'br1',
  failMode: 'standalone',
  replaces: 'linux-bridge',
};
const port: OvsPort = {
  kind: 'ovs-port',
  name: 'va',
  bridge: 'br1',
  interfaceType: 'system',
  tag: 100,
  externalIds: { 'iface-id': 'ns_a' },
};

const create = (to: OvsResource): Operation<OvsResource> => ({ op: 'create', to });
const remove = (from: OvsResource): Operation<OvsResource> => ({ op: 'delete', from });

/** Runs the suite on drivers that `make` yields. */
export function ovsContract(name: string, make: () => Promise<OvsFixture>): void {
  describe(`${name} as an OvsDriver`, () => {
    let fixture: OvsFixture;
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(async () => {
      await fixture.dispose();
    });
    const observed = async (): Promise<readonly OvsResource[]> => {
      const found = [...(await fixture.driver.observe(NODE))];
      return found.sort((a, b) =>
        a.kind + ('name' in a ? a.name : '') < b.kind + ('name' in b ? b.name : '') ? -1 : 1,
      );
    };
    const apply = async (...operations: Operation<OvsResource>[]): Promise<(string | undefined)[]> =>
      (await fixture.driver.apply(operations)).map(({ error }) => error?.message);

    it('makes, observes, changes and removes a bridge with ports', async () => {
      const mappings = { kind: 'ovs-mappings', mappings: { physnet: 'br1' } } as const;
      const internal: OvsPort = {
        kind: 'ovs-port',
        name: 'in0',
        bridge: 'br-int',
        interfaceType: 'internal',
        externalIds: {},
      };
      expect(await apply(create(bridge), create(port), create(internal), create(mappings))).toEqual(
        Array(4).fill(undefined),
      );
      expect(await observed()).toEqual([bridge, mappings, internal, port]);

      const { tag: _, ...untagged } = port;
      const trunk: OvsPort = { ...untagged, vlanMode: 'trunk', trunks: [5, 7], externalIds: { other: 'x' } };
      const wider: OvsBridge = { ...bridge, stp: true, mtu: 1400, description: 'd' };
      await apply({ op: 'update', from: port, to: trunk }, { op: 'update', from: bridge, to: wider });
      expect(await observed()).toEqual([wider, mappings, internal, trunk]);

      await apply(remove(trunk), remove(internal), remove(mappings));
      expect(await observed()).toEqual([wider]);
      expect(await apply(remove(wider))).toEqual([undefined]);
      expect(await observed()).toEqual([]);
    });

    it('does nothing the second time', async () => {
      await apply(create(bridge), create(port));
      const before = await fixture.writes();
      expect(await apply(create(bridge), create(port))).toEqual([undefined, undefined]);
      expect(await fixture.writes()).toBe(before);
      await apply(remove(port), remove(bridge));
      const after = await fixture.writes();
      expect(await apply(remove(port), remove(bridge))).toEqual([undefined, undefined]);
      expect(await fixture.writes()).toBe(after);
    });

    it('replaces and moves ports in one batch', async () => {
      const other: OvsBridge = { kind: 'ovs-bridge', name: 'br2', failMode: 'secure' };
      await apply(create(bridge), create(other), create(port));
      const moved: OvsPort = { ...port, bridge: 'br2' };
      expect(await apply({ op: 'update', from: port, to: moved })).toEqual([undefined]);
      expect(await observed()).toEqual([bridge, other, moved]);
      expect(await apply(remove(moved), create(port))).toEqual([undefined, undefined]);
      expect(await observed()).toEqual([bridge, other, port]);
    });

    it('removes the ports of a bridge that goes', async () => {
      await apply(create(bridge), create(port));
      await apply(remove(bridge));
      expect(await observed()).toEqual([]);
    });

    it('fails an operation without stopping the others, and leaves no wreck', async () => {
      const ghost: OvsPort = { ...port, name: 'ghost' };
      const lost: OvsPort = { ...port, name: 'vb', bridge: 'nowhere' };
      const errors = await apply(create(bridge), create(ghost), create(lost), create(port));
      expect(errors).toEqual([
        undefined,
        expect.stringContaining('No such device'),
        expect.stringContaining('no bridge nowhere'),
        undefined,
      ]);
      expect(await observed()).toEqual([bridge, port]);
    });

    it('leaves the bridges of OVN alone', async () => {
      const integration: OvsBridge = { ...bridge, name: 'br-int' };
      const checked: OvsPort = { ...port, bridge: 'br-int', allowedMac: '02:00:00:00:00:01' };
      expect(await apply(create(integration), create(checked), remove(integration))).toEqual([
        expect.stringContaining('br-int'),
        expect.stringContaining('OVN'),
        undefined,
      ]);
      expect(await observed()).toEqual([]);
    });

    it('refuses what would say something else in the switch', async () => {
      const checked: OvsPort = { ...port, allowedMac: '02:00:00:00:00:01,actions=NORMAL' };
      const mappings = { kind: 'ovs-mappings', mappings: { 'net:br-ex,other': 'br1' } } as const;
      expect(await apply(create(bridge), create(checked), create(mappings))).toEqual([
        undefined,
        expect.stringContaining('is no MAC'),
        expect.stringContaining('cannot be mapped'),
      ]);
      expect(await observed()).toEqual([bridge]);
    });

    it('knows nothing of other scopes', async () => {
      await apply(create(bridge));
      expect(await fixture.driver.observe('some-sandbox')).toEqual([]);
    });

    it('keeps the MAC that a port may use', async () => {
      const checked: OvsPort = { ...port, allowedMac: '02:00:00:00:00:0A' };
      expect(await apply(create(bridge), create(checked))).toEqual([undefined, undefined]);
      expect(await observed()).toEqual([bridge, { ...checked, allowedMac: '02:00:00:00:00:0a' }]);
    });
  });
}
