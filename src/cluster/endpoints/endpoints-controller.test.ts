import { afterEach, describe, expect, it } from 'vitest';
import { endpoints } from '#api/core/endpoints.ts';
import { node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { type Service, service } from '#api/core/service.ts';
import { endpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import { refusal } from '#machinery/fake-rules.ts';
import { FakeWorld } from '#machinery/fake-world.ts';
import { createEndpointsController } from './endpoints-controller.ts';

const open: FakeWorld[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((world) => world.stop()));
});

const namespace = 'ns';
const key = { name: 'web', namespace };
const serviceOf = (spec: Partial<Service['spec']> = {}): Service => ({
  metadata: { ...key, labels: { team: 'x' } },
  spec: {
    selector: { app: 'web' },
    ports: [{ port: 80, targetPort: 8080 }],
    clusterIP: '172.30.0.9',
    ...spec,
  },
});

function newWorld(): FakeWorld {
  const world = new FakeWorld((factory, deps) => [createEndpointsController(factory, deps)]);
  open.push(world);
  return world;
}

const addPod = (
  world: FakeWorld,
  name: string,
  ips: readonly string[],
  extra: Partial<Pod['status']> = {},
  spec: Partial<Pod['spec']> = {},
) =>
  world.add(pod, {
    metadata: { name, namespace, labels: { app: 'web' } },
    spec: {
      containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 9000 }] }],
      nodeName: 'node1',
      ...spec,
    },
    status: {
      phase: 'Running',
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: 'True' }],
      ...extra,
    },
  });

const slicesOf = async (world: FakeWorld) => (await world.client.list(endpointSlice, { namespace })).items;
const get = (world: FakeWorld) => world.client.get(endpoints, key);

describe('endpoints controller', () => {
  it('lists ready, waiting and ending pods, and then writes nothing', async () => {
    const world = newWorld();
    await world.client.create(node, {
      metadata: { name: 'node1', labels: { 'topology.kubernetes.io/zone': 'z1' } },
    });
    await world.client.create(service, serviceOf());
    await addPod(world, 'ready', ['10.128.0.10']);
    await addPod(world, 'waiting', ['10.128.0.9'], { conditions: [] });
    const ending = await addPod(world, 'ending', ['10.128.0.8']);
    await world.client.delete(pod, ending.metadata);
    await addPod(world, 'done', ['10.128.0.7'], { phase: 'Succeeded' });
    await addPod(world, 'young', []);
    await world.start();
    const [slice, ...others] = await slicesOf(world);
    expect(others).toEqual([]);
    expect(slice?.metadata.labels).toEqual({
      team: 'x',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    expect(slice?.metadata.ownerReferences).toMatchObject([{ kind: 'Service', name: 'web' }]);
    expect(slice?.ports).toEqual([{ name: '', port: 8080, protocol: 'TCP' }]);
    const shown = slice?.endpoints.map(({ targetRef, addresses, conditions, zone }) => [
      targetRef?.name,
      addresses[0],
      conditions?.ready,
      conditions?.serving,
      conditions?.terminating,
      zone,
    ]);
    expect(shown?.sort()).toEqual([
      ['ending', '10.128.0.8', false, true, true, 'z1'],
      ['ready', '10.128.0.10', true, true, false, 'z1'],
      ['waiting', '10.128.0.9', false, false, false, 'z1'],
    ]);
    const { subsets, metadata } = await get(world);
    expect(metadata.labels?.['endpoints.kubernetes.io/managed-by']).toBe('endpoint-controller');
    expect(subsets).toMatchObject([
      {
        addresses: [{ ip: '10.128.0.10', nodeName: 'node1' }],
        notReadyAddresses: [{ ip: '10.128.0.9' }],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ]);
    world.takeWrites();
    await world.stop();
    await world.start();
    expect(world.takeWrites()).toEqual([]);
  });

  it('follows pods in one write for each kind, and ignores what no endpoint shows', async () => {
    const world = newWorld();
    await world.client.create(service, serviceOf());
    const one = await addPod(world, 'a', ['10.128.0.1'], { conditions: [] });
    await world.start();
    world.takeWrites();
    await world.report(pod, one, { conditions: [{ type: 'Ready', status: 'True' }] });
    await world.run();
    expect(world.takeWrites().map((write) => write.split(' ').slice(0, 2).join(' '))).toEqual([
      'patch Pod',
      'update EndpointSlice',
      'update Endpoints',
    ]);
    await world.report(pod, one, { message: 'busy' });
    await world.run();
    expect(world.takeWrites()).toEqual(['patch Pod ns/a status']);
    await world.client.patch(pod, one.metadata, {
      type: 'merge',
      body: { metadata: { labels: { app: 'other' } } },
    });
    await world.run();
    expect((await get(world)).subsets).toBeUndefined();
    expect((await slicesOf(world)).map((slice) => slice.endpoints)).toEqual([[]]);
  });

  it('makes slices for both families, and Endpoints of the first', async () => {
    const world = newWorld();
    await world.client.create(service, serviceOf({ ipFamilies: ['IPv6', 'IPv4'], clusterIP: 'fd00::1' }));
    await addPod(world, 'a', ['10.128.0.1', 'fd01::1']);
    await addPod(world, 'b', ['10.128.0.2']);
    await world.start();
    const slices = await slicesOf(world);
    expect(slices.map(({ addressType, endpoints: all }) => [addressType, all.length]).sort()).toEqual([
      ['IPv4', 2],
      ['IPv6', 1],
    ]);
    expect((await get(world)).subsets).toMatchObject([{ addresses: [{ ip: 'fd01::1' }] }]);
  });

  it('reads named ports from each pod', async () => {
    const world = newWorld();
    await world.client.create(service, serviceOf({ ports: [{ name: 'web', port: 80, targetPort: 'http' }] }));
    await addPod(world, 'a', ['10.128.0.1']);
    await addPod(
      world,
      'b',
      ['10.128.0.2'],
      {},
      { containers: [{ name: 'main', ports: [{ name: 'http', containerPort: 9001 }] }] },
    );
    await world.start();
    expect((await slicesOf(world)).map(({ ports }) => ports?.[0]?.port).sort()).toEqual([9000, 9001]);
    expect((await get(world)).subsets?.map(({ ports }) => ports?.[0])).toEqual([
      { name: 'web', port: 9000, protocol: 'TCP' },
      { name: 'web', port: 9001, protocol: 'TCP' },
    ]);
  });

  it('publishes what is not ready when asked to, headless with host names', async () => {
    const world = newWorld();
    await world.client.create(
      service,
      serviceOf({ clusterIP: 'None', publishNotReadyAddresses: true, ipFamilies: ['IPv4'] }),
    );
    await addPod(world, 'a', ['10.128.0.1'], { conditions: [] }, { hostname: 'db-0', subdomain: 'web' });
    await world.start();
    const [slice] = await slicesOf(world);
    expect(slice?.metadata.labels?.['service.kubernetes.io/headless']).toBe('');
    expect(slice?.endpoints[0]).toMatchObject({
      hostname: 'db-0',
      conditions: { ready: true, serving: false },
    });
    expect((await get(world)).subsets?.[0]?.addresses).toMatchObject([
      { ip: '10.128.0.1', hostname: 'db-0' },
    ]);
  });

  it('fills slices of 100, and moves no endpoint', async () => {
    const world = newWorld();
    await world.client.create(service, serviceOf());
    for (let at = 0; at < 150; at += 1) {
      await addPod(world, `p${at}`, [`10.128.1.${at}`]);
    }
    await world.start();
    expect((await slicesOf(world)).map((slice) => slice.endpoints.length).sort()).toEqual([100, 50]);
    world.takeWrites();
    await addPod(world, 'one-more', ['10.128.2.1']);
    await world.run();
    expect(world.takeWrites().filter((write) => write.includes('EndpointSlice'))).toHaveLength(1);
    expect((await slicesOf(world)).map((slice) => slice.endpoints.length).sort()).toEqual([100, 51]);
  });

  it('leaves services without selector alone, and clears up after one that is gone', async () => {
    const world = newWorld();
    const { selector: _, ...spec } = serviceOf().spec;
    await world.client.create(service, { metadata: { name: 'own', namespace }, spec });
    await world.client.create(endpoints, { metadata: { name: 'own', namespace }, subsets: [] });
    await world.client.create(service, serviceOf());
    await world.start();
    await world.client.delete(service, { name: 'own', namespace });
    await world.client.delete(service, key);
    await world.run();
    const left = (await world.client.list(endpoints, { namespace })).items.map(
      ({ metadata }) => metadata.name,
    );
    expect(left).toEqual(['own']);
  });

  it.each([0, 1])('converges when it is killed after %i writes', async (allowed) => {
    const world = newWorld();
    await world.client.create(service, serviceOf());
    await addPod(world, 'a', ['10.128.0.1']);
    let left = allowed;
    world.client.intercept = () => {
      if (left-- <= 0) throw refusal(500, 'InternalError', 'killed');
    };
    await world.start();
    await world.stop();
    world.client.intercept = undefined;
    await world.start();
    expect(await slicesOf(world)).toHaveLength(1);
    expect((await get(world)).subsets).toHaveLength(1);
  });
});
