import { expect, it } from 'vitest';
import { namespace } from '#api/core/namespace.ts';
import { priorityClass } from '#api/scheduling.k8s.io/priority-class.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createSystemPriorityClasses } from './system-priority-classes.ts';

it('makes the classes of the system once, and again when they are deleted', async () => {
  const world = new FakeWorld((factory) => [createSystemPriorityClasses(factory)]);
  await world.client.create(namespace, { metadata: { name: 'default' } });
  await world.start();
  const valuesOf = async () =>
    (await world.client.list(priorityClass)).items.map(({ metadata, value }) => [metadata.name, value]);
  const both = [
    ['system-cluster-critical', 2_000_000_000],
    ['system-node-critical', 2_000_001_000],
  ];
  expect(await valuesOf()).toEqual(both);
  world.takeWrites();
  await world.stop();
  await world.start();
  expect(world.takeWrites()).toEqual([]);
  await world.client.delete(priorityClass, { name: 'system-node-critical' });
  await world.run();
  expect(await valuesOf()).toEqual(both);
  await world.stop();
});
