/** Quotas and machines: their number, and the memory of their launcher pods. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configMap } from '#api/core/config-map.ts';
import { limitRange } from '#api/core/limit-range.ts';
import { namespace } from '#api/core/namespace.ts';
import { pod } from '#api/core/pod.ts';
import { resourceQuota } from '#api/core/resource-quota.ts';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { clusterControllers } from '#cluster/cluster.ts';
import { controllers } from '#controllers/controllers.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { systemClock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { silentLog } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';

const team = 'team';
let server: TestApiServer;
let client: ApiClient;
let over: Promise<void>;
const stop = new AbortController();
beforeAll(async () => {
  server = await startTestApiServer();
  client = createApiClient(server.kubeconfig);
  const factory = createInformerFactory(client);
  const deps = {
    clock: systemClock,
    log: silentLog,
    events: createEventRecorder(client, { component: 'test' }),
  };
  const loops = [...clusterControllers(factory, deps), ...controllers(factory, deps)];
  await factory.start(stop.signal);
  over = runControllers(loops, { signal: stop.signal, log: silentLog });
});
afterAll(async () => {
  stop.abort();
  await over;
  client.close();
  await server.remove();
});

const machine = (name: string): VirtualMachine => ({
  metadata: { name, namespace: team },
  spec: {
    runStrategy: 'Always',
    template: { spec: { domain: { devices: {}, memory: { guest: '512Mi' } } } },
  },
});

async function pods(): Promise<number> {
  return (await client.list(pod, { namespace: team })).items.length;
}

test('a machine that does not fit waits until the quota has room', async () => {
  await client.create(namespace, { metadata: { name: team } });
  const hard = { 'requests.memory': '900Mi', 'count/virtualmachines.kubevirt.io': '2' };
  await client.create(resourceQuota, { metadata: { name: 'q', namespace: team }, spec: { hard } });
  await client.create(virtualMachine, machine('a'));
  await expect.poll(pods).toBe(1);
  await client.create(virtualMachine, machine('b'));
  await expect(client.create(virtualMachine, machine('c'))).rejects.toThrow(
    'virtualmachines.kubevirt.io "c" is forbidden: exceeded quota: q, requested: count/virtualmachines.kubevirt.io=1, used: count/virtualmachines.kubevirt.io=2, limited: count/virtualmachines.kubevirt.io=2',
  );
  const refusal = async () => {
    const { status } = await client.get(virtualMachineInstance, { namespace: team, name: 'b' });
    return status?.conditions?.find(({ reason }) => reason === 'FailedCreate')?.message;
  };
  await expect.poll(refusal, { timeout: 5000 }).toMatch(/exceeded quota: q, requested: requests.memory=/);
  expect(await pods()).toBe(1);
  const body = { spec: { hard: { 'requests.memory': '4Gi' } } };
  await client.patch(resourceQuota, { namespace: team, name: 'q' }, { type: 'merge', body });
  await expect.poll(pods, { timeout: 20_000 }).toBe(2);
});

test('a limit range bounds launcher pods as all others', async () => {
  const place = { name: 'tight', namespace: 'tight' };
  await client.create(namespace, { metadata: { name: 'tight' } });
  const limits = [{ type: 'Pod', min: { memory: '8Gi' } }];
  await client.create(limitRange, { metadata: place, spec: { limits } });
  await client.create(virtualMachine, { ...machine('a'), metadata: { name: 'a', namespace: 'tight' } });
  const refusal = async () => {
    const { items } = await client.list(virtualMachineInstance, { namespace: 'tight' });
    return items[0]?.status?.conditions?.find(({ reason }) => reason === 'FailedCreate')?.message;
  };
  await expect
    .poll(refusal, { timeout: 5000 })
    .toMatch(/minimum memory usage per Pod is 8Gi, but request is \d+/);
});

test('the status of a quota has one writer, who stops when it is right', async () => {
  await client.create(namespace, { metadata: { name: 'calm' } });
  const key = { name: 'q', namespace: 'calm' };
  const hard = { 'requests.memory': '2G', 'count/strangers.example.com': '1' };
  await client.create(resourceQuota, { metadata: key, spec: { hard } });
  const resources = { requests: { memory: '1G' } };
  await client.create(pod, {
    metadata: { name: 'p', namespace: 'calm' },
    spec: { containers: [{ name: 'c', image: 'example.com/none:1', resources }] },
  });
  const read = () => client.get(resourceQuota, key);
  const used = { 'requests.memory': '1G', 'count/strangers.example.com': '0' };
  await expect.poll(async () => (await read()).status?.used).toEqual(used);
  const { resourceVersion } = (await read()).metadata;
  for (let index = 0; index < 20; index += 1) {
    await client.create(configMap, { metadata: { name: `m${index}`, namespace: 'calm' } });
  }
  expect(await read()).toMatchObject({ metadata: { resourceVersion }, status: { used } });
});
