import { afterEach, describe, expect, it } from 'vitest';
import { node } from '#api/core/node.ts';
import { nodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import { nodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createNodeNetworkPolicyController } from './node-network-policy-controller.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

type Told = 'Available' | 'Failing' | 'Progressing' | 'Pending' | 'Aborted';

async function worldWith(nodes: readonly string[], nodeSelector?: Readonly<Record<string, string>>) {
  const world = new FakeWorld((factory, deps) => [createNodeNetworkPolicyController(factory, deps)]);
  open.push(world);
  for (const name of nodes) {
    await world.add(node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
  }
  const spec = nodeSelector === undefined ? {} : { nodeSelector };
  await world.add(nodeNetworkConfigurationPolicy, { metadata: { name: 'p' }, spec });
  return world.start();
}

async function tell(world: FakeWorld, name: string, told: Told, policyGeneration = 1): Promise<void> {
  const labels = { 'nmstate.io/node': name, 'nmstate.io/policy': 'p' };
  const metadata = { name: `${name}.p`, labels };
  const known = (await world.client.list(nodeNetworkConfigurationEnactment)).items;
  if (!known.some((one) => one.metadata.name === metadata.name)) {
    await world.add(nodeNetworkConfigurationEnactment, { metadata });
  }
  const conditions = [{ type: told, status: 'True' }];
  await world.report(nodeNetworkConfigurationEnactment, { metadata }, { policyGeneration, conditions });
  await world.run();
}

async function summary(world: FakeWorld): Promise<string> {
  const { status } = await world.client.get(nodeNetworkConfigurationPolicy, { name: 'p' });
  const letters = (status?.conditions ?? []).map((one) => `${one.type[0]}${one.status[0]}`);
  const holds = status?.conditions?.find((one) => one.status === 'True');
  return `${letters.join(' ')} ${holds?.reason}: ${holds?.message} (${status?.unavailableNodeCount})`;
}

describe('NodeNetworkConfigurationPolicy controller', () => {
  const progressing = 'AU DU PT IF ConfigurationProgressing: Policy is progressing';
  it.each([
    ['no node at all', [], {}, 'AF DF PF IT NoMatchingNode: Policy does not match any node (0)'],
    ['nobody has begun', ['a', 'b'], {}, `${progressing} 0/2 nodes finished (0)`],
    ['one is at it', ['a', 'b'], { a: 'Progressing', b: 'Pending' }, `${progressing} 0/2 nodes finished (1)`],
    [
      'one is done',
      ['a', 'b'],
      { a: 'Available', b: 'Progressing' },
      `${progressing} 1/2 nodes finished (1)`,
    ],
    [
      'all are done',
      ['a', 'b'],
      { a: 'Available', b: 'Available' },
      'AT DF PF IF SuccessfullyConfigured: 2/2 nodes successfully configured (0)',
    ],
    [
      'one failed',
      ['a', 'b'],
      { a: 'Available', b: 'Failing' },
      'AF DT PF IF FailedToConfigure: 1/2 nodes failed to configure (0)',
    ],
    [
      'one gave up because another failed',
      ['a', 'b', 'c'],
      { a: 'Failing', b: 'Aborted', c: 'Available' },
      'AF DT PF IF FailedToConfigure: 1/3 nodes failed to configure, 1 nodes aborted configuration (0)',
    ],
  ] as const)('%s', async (_name, nodes, told, wanted) => {
    const world = await worldWith(nodes);
    for (const [name, word] of Object.entries(told)) {
      await tell(world, name, word);
    }
    expect(await summary(world)).toBe(wanted);
  });

  it('counts only nodes its selector matches, and follows their labels', async () => {
    const world = await worldWith(['a', 'b'], { 'kubernetes.io/hostname': 'a' });
    await tell(world, 'a', 'Available');
    expect(await summary(world)).toContain('1/1 nodes successfully configured');
    const patch = {
      type: 'merge',
      body: { metadata: { labels: { 'kubernetes.io/hostname': 'x' } } },
    } as const;
    await world.client.patch(node, { name: 'a' }, patch);
    await world.run();
    expect(await summary(world)).toContain('NoMatchingNode');
  });

  it('does not take an answer to an older generation for one', async () => {
    const world = await worldWith(['a']);
    await tell(world, 'a', 'Available');
    const body = { spec: { desiredState: { interfaces: [] } } };
    await world.client.patch(nodeNetworkConfigurationPolicy, { name: 'p' }, { type: 'merge', body });
    await world.run();
    expect(await summary(world)).toContain('0/1 nodes finished');
    await tell(world, 'a', 'Available', 2);
    expect(await summary(world)).toContain('1/1 nodes successfully configured');
  });

  it('writes once per change, and nothing over its own restart', async () => {
    const world = await worldWith(['a', 'b']);
    await tell(world, 'a', 'Available');
    await tell(world, 'b', 'Available');
    world.takeWrites();
    await tell(world, 'b', 'Available');
    await world.stop();
    await world.start();
    await world.run(60_000);
    expect(world.takeWrites().filter((write) => write.includes('Policy p'))).toEqual([]);
  });

  it('drops the enactments of a node that is gone', async () => {
    const world = await worldWith(['a', 'b']);
    await tell(world, 'a', 'Available');
    await tell(world, 'b', 'Failing');
    await world.client.delete(node, { name: 'b' });
    await world.run();
    expect((await world.client.list(nodeNetworkConfigurationEnactment)).items).toHaveLength(1);
    expect(await summary(world)).toContain('1/1 nodes successfully configured');
  });

  it('converges when its first write fails', async () => {
    const world = new FakeWorld((factory, deps) => [createNodeNetworkPolicyController(factory, deps)]);
    open.push(world);
    await world.add(nodeNetworkConfigurationPolicy, { metadata: { name: 'p' }, spec: {} });
    let failures = 2;
    world.client.intercept = () => {
      failures -= 1;
      if (failures >= 0) {
        throw new Error('away');
      }
    };
    await world.start();
    await world.run(1000);
    expect(await summary(world)).toContain('NoMatchingNode');
  });
});
