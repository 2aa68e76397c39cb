import { expect, test } from 'vitest';
import { createFakeIpDriver } from '#drivers/ip/fake.ts';
import { FakeOvs } from '#drivers/ovs/fake.ts';
import { NODE, type Resource, resourceId } from '#node-state/resource.ts';
import { type AnyDriver, World } from './world.ts';

const netns = 'lab.node1.u1';
const port: Resource = {
  kind: 'ovs-port',
  name: 'pb1',
  bridge: 'br-int',
  interfaceType: 'system',
  trunks: [],
  externalIds: { 'iface-id': 'ns_pod', sandbox: netns },
};

test('a port of a sandbox that somebody removed is made again once the node was looked at', async () => {
  const ovs = new FakeOvs();
  const drivers = [createFakeIpDriver(), ovs] as readonly unknown[] as readonly AnyDriver[];
  const world = new World({ drivers, sandboxPrefix: 'lab.node1.', findScopes: async () => [] });
  await world.load();
  const desired: readonly Resource[] = [{ kind: 'netns', netns }, port];
  expect(await world.reconcile(netns, desired)).toEqual([]);
  ovs.removeExternally(resourceId(port));
  await world.refresh(NODE);
  expect(await world.reconcile(netns, desired)).toEqual([]);
  expect(await ovs.observe(NODE)).toHaveLength(1);
});
