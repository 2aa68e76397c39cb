/** Controllers of workloads on the real API server: what its defaulting, validation and patches make of their writes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Deployment, deployment } from '#api/apps/deployment.ts';
import { replicaSet } from '#api/apps/replica-set.ts';
import { job } from '#api/batch/job.ts';
import { configMap } from '#api/core/config-map.ts';
import { endpoints } from '#api/core/endpoints.ts';
import { namespace } from '#api/core/namespace.ts';
import { pod } from '#api/core/pod.ts';
import { resourceQuota } from '#api/core/resource-quota.ts';
import { service } from '#api/core/service.ts';
import { serviceAccount } from '#api/core/service-account.ts';
import { endpointSlice } from '#api/discovery.k8s.io/endpoint-slice.ts';
import { podDisruptionBudget } from '#api/policy/pod-disruption-budget.ts';
import { clusterControllers } from '#cluster/cluster.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { systemClock as clock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { silentLog as log } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { startTestApiServer, type TestApiServer } from './support/api-server.ts';

const ns = 'workloads';
const labels = { app: 'web' };
const stop = new AbortController();
let server: TestApiServer;
let client: ApiClient;
let over: Promise<void>;

beforeAll(async () => {
  server = await startTestApiServer();
  client = createApiClient(server.kubeconfig);
  const factory = createInformerFactory(client, { log });
  const events = createEventRecorder(client, { component: 'test', log });
  const loops = clusterControllers(factory, { clock, log, events, rootCa: 'PEM' });
  await factory.start(stop.signal);
  over = runControllers(loops, { signal: stop.signal, log });
  await client.create(namespace, { metadata: { name: ns } });
});
afterAll(async () => {
  stop.abort();
  await over;
  client.close();
  await server.remove();
});

const web: Deployment = {
  metadata: { name: 'web', namespace: ns },
  spec: {
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'main', image: 'example.com/web:1' }] } },
  },
};

/** What a node does: every pod that is not at its end runs, with an address. */
async function runPods(): Promise<void> {
  const { items } = await client.list(pod, { namespace: ns });
  for (const [at, one] of items.entries()) {
    const podIP = `10.128.0.${at + 10}`;
    const conditions = [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }];
    const body = { status: { phase: 'Running', podIP, podIPs: [{ ip: podIP }], conditions } };
    if (one.status?.phase === 'Pending') {
      await client.patch(pod, one.metadata, { type: 'merge', body }, { subresource: 'status' });
    }
  }
}

describe('cluster controllers on the embedded API server', () => {
  it('give a namespace its account and the CA', async () => {
    await expect.poll(() => client.get(serviceAccount, { name: 'default', namespace: ns })).toBeDefined();
    const map = await client.get(configMap, { name: 'kube-root-ca.crt', namespace: ns });
    expect(map.data).toEqual({ 'ca.crt': 'PEM' });
  });

  it('bring a Deployment up and update it, with endpoints, a budget and a quota beside it', async () => {
    await client.create(deployment, web);
    await client.create(service, {
      metadata: web.metadata,
      spec: { selector: labels, ports: [{ port: 80 }] },
    });
    const spec = { minAvailable: 1, selector: { matchLabels: labels } };
    await client.create(podDisruptionBudget, { metadata: web.metadata, spec });
    await client.create(resourceQuota, { metadata: web.metadata, spec: { hard: { pods: '5' } } });
    const settled = async (revision: string) => {
      await runPods();
      const { metadata, status } = await client.get(deployment, web.metadata);
      const progress = status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
      const shown = metadata.annotations?.['deployment.kubernetes.io/revision'];
      return shown === revision && progress === 'NewReplicaSetAvailable' && status?.availableReplicas === 2;
    };
    await expect.poll(() => settled('1')).toBe(true);
    const image = {
      spec: { template: { spec: { containers: [{ name: 'main', image: 'example.com/web:2' }] } } },
    };
    await client.patch(deployment, web.metadata, { type: 'strategic', body: image });
    await expect.poll(() => settled('2'), { timeout: 5000 }).toBe(true);
    const { items: sets } = await client.list(replicaSet, { namespace: ns });
    expect(sets.map((set) => set.spec.replicas).sort()).toEqual([0, 2]);
    await expect
      .poll(async () => (await client.get(endpoints, web.metadata)).subsets?.[0]?.addresses?.length)
      .toBe(2);
    const { items: slices } = await client.list(endpointSlice, { namespace: ns });
    expect(
      slices.map((slice) => slice.endpoints.filter(({ conditions }) => conditions?.ready).length),
    ).toEqual([2]);
    await expect
      .poll(async () => (await client.get(podDisruptionBudget, web.metadata)).status?.disruptionsAllowed)
      .toBe(1);
    await expect
      .poll(async () => (await client.get(resourceQuota, web.metadata)).status?.used?.['pods'])
      .toBe('2');
  });

  it('run a Job to its end', async () => {
    const metadata = { name: 'once', namespace: ns };
    const containers = [{ name: 'main', image: 'example.com/once:1' }];
    await client.create(job, {
      metadata,
      spec: { template: { spec: { containers, restartPolicy: 'Never' } } },
    });
    const podsOf = () => client.list(pod, { namespace: ns, labelSelector: 'job-name=once' });
    await expect.poll(async () => (await podsOf()).items.length).toBe(1);
    const [one] = (await podsOf()).items;
    expect(one?.metadata.finalizers).toEqual(['batch.kubernetes.io/job-tracking']);
    const body = { status: { phase: 'Succeeded' } };
    await client.patch(pod, one?.metadata ?? metadata, { type: 'merge', body }, { subresource: 'status' });
    await expect
      .poll(async () => (await client.get(job, metadata)).status?.conditions?.map(({ type }) => type))
      .toEqual(['SuccessCriteriaMet', 'Complete']);
    expect((await podsOf()).items[0]?.metadata.finalizers).toBeUndefined();
    await client.delete(job, metadata, { propagationPolicy: 'Background' });
    await expect.poll(async () => (await podsOf()).items.length).toBe(0);
  });
});
