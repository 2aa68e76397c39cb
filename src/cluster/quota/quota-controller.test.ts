import { afterEach, describe, expect, it } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { pod } from '#api/core/pod.ts';
import { resourceQuota } from '#api/core/resource-quota.ts';
import { service } from '#api/core/service.ts';
import { virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createQuotaController } from './quota-controller.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'q', namespace };
const hard = {
  pods: '10',
  'requests.cpu': '4',
  'requests.memory': '8Gi',
  'services.nodeports': '1',
  configmaps: '5',
  'count/virtualmachines.kubevirt.io': '3',
};

async function newWorld(): Promise<FakeWorld> {
  const world = new FakeWorld((factory, deps) => [
    createQuotaController(factory, deps, [pod, service, configMap, virtualMachine]),
  ]);
  open.push(world);
  await world.client.create(resourceQuota, { metadata: key, spec: { hard } });
  return world;
}

const addPod = (world: FakeWorld, name: string, cpu: string, where = namespace) =>
  world.client.create(pod, {
    metadata: { name, namespace: where },
    spec: { containers: [{ name: 'main', resources: { requests: { cpu, memory: '1Gi' } } }] },
  });
const usedBy = async (world: FakeWorld) => (await world.client.get(resourceQuota, key)).status?.used;

describe('quota controller', () => {
  it('counts pods, services, config maps and virtual machines, and then writes nothing', async () => {
    const world = await newWorld();
    await addPod(world, 'a', '500m');
    const b = await addPod(world, 'b', '1');
    await addPod(world, 'elsewhere', '1', 'other');
    await world.client.create(configMap, { metadata: { name: 'c', namespace } });
    await world.client.create(service, {
      metadata: { name: 's', namespace },
      spec: { type: 'NodePort', ports: [{ port: 80 }] },
    });
    const vm = {
      metadata: { name: 'vm', namespace },
      spec: { template: { spec: { domain: { devices: {} } } } },
    };
    await world.client.create(virtualMachine, vm);
    await world.start();
    const all = {
      pods: '2',
      'requests.cpu': '1500m',
      'requests.memory': '2Gi',
      'services.nodeports': '1',
      configmaps: '1',
      'count/virtualmachines.kubevirt.io': '1',
    };
    expect(await usedBy(world)).toEqual(all);
    world.takeWrites();
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
    await world.report(pod, b, { phase: 'Running' });
    await world.run();
    expect(world.takeWrites()).toEqual(['patch Pod ns/b status']);
    await world.report(pod, b, { phase: 'Succeeded' });
    await world.client.delete(configMap, { name: 'c', namespace });
    await world.run();
    expect(await usedBy(world)).toEqual({
      ...all,
      pods: '1',
      'requests.cpu': '500m',
      'requests.memory': '1Gi',
      configmaps: '0',
    });
  });

  it('follows its limits', async () => {
    const world = await newWorld();
    await world.start();
    await world.client.patch(resourceQuota, key, {
      type: 'merge',
      body: { spec: { hard: { pods: '3', configmaps: null } } },
    });
    await world.run();
    const { status } = await world.client.get(resourceQuota, key);
    expect(status?.hard?.['pods']).toBe('3');
    expect(status?.used).not.toHaveProperty('configmaps');
  });

  it('converges when it is killed before its write', async () => {
    const world = await newWorld();
    await addPod(world, 'a', '1');
    world.client.intercept = () => {
      throw refusal(500, 'InternalError', 'killed');
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(await usedBy(world)).toMatchObject({ pods: '1' });
  });
});
