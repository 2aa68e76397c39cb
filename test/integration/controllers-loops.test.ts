/** Controllers and cluster loops on the real API server; a few lines stand in for the nodes' agents. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { lease } from '#api/coordination.k8s.io/lease.ts';
import { namespace } from '#api/core/namespace.ts';
import { node } from '#api/core/node.ts';
import { type Pod, pod } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { KindRef } from '#api/kind.ts';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { KubeObject } from '#api/meta.ts';
import { nodeNetworkConfigurationEnactment } from '#api/nmstate.io/node-network-configuration-enactment.ts';
import { nodeNetworkConfigurationPolicy } from '#api/nmstate.io/node-network-configuration-policy.ts';
import { clusterControllers } from '#cluster/cluster.ts';
import { controllers } from '#controllers/controllers.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { microTimestamp, systemClock, timestamp } from '#machinery/clock.ts';
import { ApiError, isNotFound } from '#machinery/errors.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { silentLog } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';

const bridge = 'bridge.network.kubevirt.io/br1';
const nodeNames = ['node1', 'node2'];

let server: TestApiServer;
let client: ApiClient;
let control: { stop(): Promise<void> };
let agents: AbortController;

beforeAll(async () => {
  server = await startTestApiServer();
  client = createApiClient(server.kubeconfig);
  const capacity = { cpu: '4', memory: '8Gi', pods: '110', [bridge]: '1k' };
  for (const name of nodeNames) {
    await client.create(node, { metadata: { name, labels: { 'kubernetes.io/hostname': name } } });
    const conditions = [
      { type: 'Ready', status: 'True', reason: 'AgentReady', lastTransitionTime: timestamp(Date.now()) },
    ];
    const body = { status: { capacity, allocatable: capacity, conditions } };
    await client.patch(node, { name }, { type: 'merge', body }, { subresource: 'status' });
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTimestamp(Date.now()) };
    await client.create(lease, { metadata: { name, namespace: 'kube-node-lease' }, spec });
  }
});
afterAll(async () => {
  client.close();
  await server.remove();
});
beforeEach(async () => {
  control = await startControl();
  agents = new AbortController();
});
afterEach(async () => {
  agents.abort();
  await control.stop();
});

async function startControl() {
  const stop = new AbortController();
  const own = createApiClient(server.kubeconfig);
  const factory = createInformerFactory(own);
  const deps = {
    clock: systemClock,
    log: silentLog,
    events: createEventRecorder(own, { component: 'test' }),
  };
  const loops = [...clusterControllers(factory, deps), ...controllers(factory, deps)];
  await factory.start(stop.signal);
  const over = runControllers(loops, { signal: stop.signal, log: silentLog });
  return {
    async stop() {
      stop.abort();
      await over;
      own.close();
    },
  };
}

/** Runs and ends pods as agents do, without a guest. */
async function standInForAgents(signal: AbortSignal): Promise<void> {
  const { resourceVersion, items } = await client.list(pod);
  for (const one of items) {
    await serve(one);
  }
  for await (const { type, object } of client.watch(pod, { resourceVersion }, signal)) {
    if (type === 'ADDED' || type === 'MODIFIED') {
      await serve(object);
    }
  }
}

async function serve(one: Pod): Promise<void> {
  const { name, namespace: ns, deletionTimestamp, uid } = one.metadata;
  const key = { name, namespace: ns };
  if (one.spec.nodeName === undefined) {
    return;
  }
  if (deletionTimestamp !== undefined) {
    const options = { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { preconditions: { uid } }) };
    await client.delete(pod, key, options).catch(ignoreGone);
    return;
  }
  const domain = one.metadata.annotations?.['kubevirt.io/domain'];
  if (one.status?.phase !== 'Pending' || domain === undefined) {
    return;
  }
  const status = (body: object) => ({ type: 'merge', body: { status: body } }) as const;
  await client.patch(pod, key, status({ phase: 'Running' }), { subresource: 'status' }).catch(ignoreGone);
  const ready = { type: 'Ready', status: 'True', lastTransitionTime: timestamp(Date.now()) };
  const vmi = { name: domain, namespace: ns };
  await until(virtualMachineInstance, vmi, (found) => found.status?.nodeName !== undefined);
  await client
    .patch(virtualMachineInstance, vmi, status({ phase: 'Running', conditions: [ready] }), {
      subresource: 'status',
    })
    .catch(ignoreGone);
}

function ignoreGone(error: unknown): void {
  if (!isNotFound(error)) {
    throw error;
  }
}

/** Waits on a watch until an object is as wanted. */
async function until<T extends KubeObject>(
  kind: KindRef<T>,
  key: { readonly name: string; readonly namespace?: string | undefined },
  wanted: (object: T) => boolean,
): Promise<T> {
  const scope = key.namespace === undefined ? {} : { namespace: key.namespace };
  const selector = { ...scope, fieldSelector: `metadata.name=${key.name}` };
  const { items, resourceVersion } = await client.list(kind, selector);
  const [there] = items;
  if (there !== undefined && wanted(there)) {
    return there;
  }
  const stop = AbortSignal.timeout(20_000);
  for await (const { type, object } of client.watch(kind, { ...selector, resourceVersion }, stop)) {
    if ((type === 'ADDED' || type === 'MODIFIED') && wanted(object)) {
      return object;
    }
  }
  const last = await client.get(kind, key);
  throw new Error(
    `${kind.kind} ${key.name} did not become what was waited for: ${JSON.stringify(last, null, 1)}`,
  );
}

async function untilGone(
  kind: KindRef,
  key: { readonly name: string; readonly namespace?: string },
): Promise<void> {
  const scope = key.namespace === undefined ? {} : { namespace: key.namespace };
  const selector = { ...scope, fieldSelector: `metadata.name=${key.name}` };
  const { items, resourceVersion } = await client.list(kind, selector);
  if (items.length === 0) {
    return;
  }
  for await (const { type } of client.watch(
    kind,
    { ...selector, resourceVersion },
    AbortSignal.timeout(20_000),
  )) {
    if (type === 'DELETED') {
      return;
    }
  }
  throw new Error(
    `${kind.kind} ${key.name} is still there: ${JSON.stringify(await client.get(kind, key), null, 1)}`,
  );
}

const newNamespace = async (name: string): Promise<void> => {
  await client.create(namespace, { metadata: { name } });
};

function vm(name: string, ns: string, fields: Partial<VirtualMachine['spec']> = {}): VirtualMachine {
  return {
    metadata: { name, namespace: ns },
    spec: {
      runStrategy: 'Always',
      template: {
        metadata: { labels: { app: name } },
        spec: {
          domain: {
            memory: { guest: '192Mi' },
            devices: {
              interfaces: [
                { name: 'default', masquerade: {} },
                { name: 'blue', bridge: {} },
              ],
            },
          },
          networks: [
            { name: 'default', pod: {} },
            { name: 'blue', multus: { networkName: 'br1-net' } },
          ],
        },
      },
      ...fields,
    },
  };
}

const nad = (ns: string) =>
  client.create(networkAttachmentDefinition, {
    metadata: { name: 'br1-net', namespace: ns, annotations: { 'k8s.v1.cni.cncf.io/resourceName': bridge } },
    spec: { config: '{"cniVersion":"0.3.1","name":"br1-net","type":"bridge","bridge":"br1","vlan":100}' },
  });

const printable = (key: KubeObject['metadata'], status: string) =>
  until(virtualMachine, key, (one) => one.status?.printableStatus === status);

describe('controllers on the embedded API server', () => {
  it('run two machines on two nodes, stop one, and delete both with their namespace', async () => {
    await newNamespace('two');
    await nad('two');
    const running = standInForAgents(agents.signal);
    for (const name of ['a', 'b']) {
      await client.create(virtualMachine, vm(name, 'two'));
    }
    const key = { name: 'a', namespace: 'two' };
    await printable(key, 'Running');
    await printable({ name: 'b', namespace: 'two' }, 'Running');
    const { items } = await client.list(virtualMachineInstance, { namespace: 'two' });
    expect(items.map(({ metadata }) => metadata.labels?.['kubevirt.io/nodeName']).toSorted()).toEqual(
      nodeNames,
    );
    await client.patch(virtualMachine, key, { type: 'merge', body: { spec: { runStrategy: 'Halted' } } });
    await printable(key, 'Stopped');
    expect((await client.list(pod, { namespace: 'two' })).items).toHaveLength(1);
    await client.delete(namespace, { name: 'two' });
    await untilGone(namespace, { name: 'two' });
    agents.abort();
    await running;
  });

  it('delete a machine’s instance and pod with it', async () => {
    await newNamespace('delete');
    await nad('delete');
    const running = standInForAgents(agents.signal);
    const key = { name: 'a', namespace: 'delete' };
    await client.create(virtualMachine, vm('a', 'delete'));
    await printable(key, 'Running');
    await client.delete(virtualMachine, key, { propagationPolicy: 'Foreground' });
    await untilGone(virtualMachine, key);
    expect((await client.list(virtualMachineInstance, { namespace: 'delete' })).items).toEqual([]);
    expect((await client.list(pod, { namespace: 'delete' })).items).toEqual([]);
    agents.abort();
    await running;
  });

  it('say at a machine which bridge no node has, and start it when a node gets it', async () => {
    await newNamespace('bridge');
    const key = { name: 'br1-net', namespace: 'bridge' };
    await nad('bridge');
    const annotations = { 'k8s.v1.cni.cncf.io/resourceName': 'bridge.network.kubevirt.io/br2' };
    await client.patch(networkAttachmentDefinition, key, {
      type: 'merge',
      body: { metadata: { annotations } },
    });
    const running = standInForAgents(agents.signal);
    await client.create(virtualMachine, vm('a', 'bridge'));
    const stuck = await printable({ name: 'a', namespace: 'bridge' }, 'ErrorUnschedulable');
    const told = stuck.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
    expect(told).toContain('0/2 nodes are available: 2 Insufficient bridge.network.kubevirt.io/br2.');
    expect(told).toContain('Did you mean br1?');
    const body = { status: { allocatable: { 'bridge.network.kubevirt.io/br2': '1k' } } };
    await client.patch(node, { name: 'node2' }, { type: 'merge', body }, { subresource: 'status' });
    await printable({ name: 'a', namespace: 'bridge' }, 'Running');
    agents.abort();
    await running;
  });

  it('write nothing after a restart when nothing changed', async () => {
    const before = await client.list(pod);
    const version = (await client.list(virtualMachine)).resourceVersion;
    await control.stop();
    control = await startControl();
    // A write of our own, seen by the same watches, proves that every loop has had its turn before.
    await client.create(virtualMachine, vm('halted', 'default', { runStrategy: 'Halted' }));
    await printable({ name: 'halted', namespace: 'default' }, 'Stopped');
    const after = await client.list(pod);
    expect(after.items).toEqual(before.items);
    const changed = (await client.list(virtualMachine)).items.filter(
      ({ metadata }) => Number(metadata.resourceVersion) > Number(version) && metadata.name !== 'halted',
    );
    expect(changed).toEqual([]);
  });

  it('refuse a machine in a leaving namespace, and tell why', async () => {
    await newNamespace('leaving');
    await client.create(pod, {
      metadata: { name: 'holds', namespace: 'leaving', finalizers: ['example.com/hold'] },
      spec: { containers: [{ name: 'x', image: 'x' }], nodeName: 'node1' },
    });
    await client.delete(namespace, { name: 'leaving' });
    const error = await client.create(virtualMachine, vm('a', 'leaving')).catch((e: unknown) => e);
    expect(error instanceof ApiError && error.code).toBe(403);
    const conditions = (
      found: KubeObject & {
        status?: { conditions?: readonly { type: string; status: string }[] | undefined } | undefined;
      },
    ) =>
      found.status?.conditions?.some(
        ({ type, status }) => type === 'NamespaceFinalizersRemaining' && status === 'True',
      ) === true;
    await until(namespace, { name: 'leaving' }, conditions);
    const body = { metadata: { finalizers: null } };
    await client.patch(pod, { name: 'holds', namespace: 'leaving' }, { type: 'merge', body });
    await client
      .delete(pod, { name: 'holds', namespace: 'leaving' }, { gracePeriodSeconds: 0 })
      .catch(ignoreGone);
    await untilGone(namespace, { name: 'leaving' });
  });

  it('sum up what the nodes report about a network policy', async () => {
    const desiredState = { interfaces: [{ name: 'br9', type: 'linux-bridge', state: 'up' }] };
    await client.create(nodeNetworkConfigurationPolicy, {
      metadata: { name: 'br9' },
      spec: { desiredState },
    });
    const reason = (wanted: string) =>
      until(
        nodeNetworkConfigurationPolicy,
        { name: 'br9' },
        (one) =>
          one.status?.conditions?.some((each) => each.status === 'True' && each.reason === wanted) === true,
      );
    await reason('ConfigurationProgressing');
    for (const name of nodeNames) {
      const labels = { 'nmstate.io/node': name, 'nmstate.io/policy': 'br9' };
      await client.create(nodeNetworkConfigurationEnactment, { metadata: { name: `${name}.br9`, labels } });
      const status = { policyGeneration: 1, conditions: [{ type: 'Available', status: 'True' }] };
      const patch = { type: 'merge', body: { status } } as const;
      await client.patch(nodeNetworkConfigurationEnactment, { name: `${name}.br9` }, patch, {
        subresource: 'status',
      });
    }
    const done = await reason('SuccessfullyConfigured');
    const available = done.status?.conditions?.find(({ type }) => type === 'Available');
    expect(available?.message).toBe('2/2 nodes successfully configured');
  });
});
