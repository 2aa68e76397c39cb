/** What kubectl makes itself it sends as protobuf: every such command, and what is stored. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

async function specOf(path: string): Promise<unknown> {
  return (await server.request('GET', path)).body['spec'];
}

describe('kubectl create', () => {
  test.each([
    [
      'deployment web --image=example.com/web:1 --replicas=2 --port=80 -- sleep 9',
      'deployment.apps/web created',
    ],
    ['job once --image=example.com/once:1 -- true', 'job.batch/once created'],
    ['quota much --hard=cpu=10,pods=20 --scopes=NotTerminating', 'resourcequota/much created'],
    [
      'poddisruptionbudget one --selector=app=web --min-available=50%',
      'poddisruptionbudget.policy/one created',
    ],
    ['priorityclass high --value=100', 'priorityclass.scheduling.k8s.io/high created'],
    ['service nodeport open --tcp=80:8080', 'service/open created'],
    ['service externalname far --external-name=example.com', 'service/far created'],
    ['role reader --verb=get --resource=pods', 'role.rbac.authorization.k8s.io/reader created'],
    ['rolebinding reader --role=reader --user=u', 'rolebinding.rbac.authorization.k8s.io/reader created'],
    [
      'clusterrole reader --verb=get --non-resource-url=/x',
      'clusterrole.rbac.authorization.k8s.io/reader created',
    ],
    ['secret docker-registry pull --docker-username=a --docker-password=b', 'secret/pull created'],
    ['configmap map --from-literal=a=b', 'configmap/map created'],
    ['serviceaccount robot', 'serviceaccount/robot created'],
    ['namespace space', 'namespace/space created'],
  ])('%s', async (command, said) => {
    const made = await server.kubectl('create', ...command.split(' '));
    expect([made.code, made.out, made.err]).toEqual([0, said, '']);
  });

  test('a deployment says what it says as JSON', async () => {
    expect(await specOf('/apis/apps/v1/namespaces/default/deployments/web')).toEqual({
      progressDeadlineSeconds: 600,
      replicas: 2,
      revisionHistoryLimit: 10,
      selector: { matchLabels: { app: 'web' } },
      strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' }, type: 'RollingUpdate' },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: {
          containers: [
            {
              command: ['sleep', '9'],
              image: 'example.com/web:1',
              imagePullPolicy: 'IfNotPresent',
              name: 'web',
              ports: [{ containerPort: 80, protocol: 'TCP' }],
              resources: {},
              terminationMessagePath: '/dev/termination-log',
              terminationMessagePolicy: 'File',
            },
          ],
          dnsPolicy: 'ClusterFirst',
          restartPolicy: 'Always',
          schedulerName: 'default-scheduler',
          securityContext: {},
          terminationGracePeriodSeconds: 30,
        },
      },
    });
  });

  test('a quota and a budget hold their quantities and percentages', async () => {
    expect(await specOf('/api/v1/namespaces/default/resourcequotas/much')).toEqual({
      hard: { cpu: '10', pods: '20' },
      scopes: ['NotTerminating'],
    });
    expect(await specOf('/apis/policy/v1/namespaces/default/poddisruptionbudgets/one')).toMatchObject({
      minAvailable: '50%',
      selector: { matchLabels: { app: 'web' } },
    });
  });
});

test('a copy of a pod for debugging keeps its volumes', async () => {
  // The quota demands that pods say how much they take.
  await server.request('DELETE', '/api/v1/namespaces/default/resourcequotas/much');
  await server.request('POST', '/api/v1/namespaces/default/pods', {
    body: {
      metadata: { name: 'sick' },
      spec: {
        automountServiceAccountToken: false,
        containers: [
          { name: 'main', image: 'example.com/sick:1', volumeMounts: [{ name: 'e', mountPath: '/e' }] },
        ],
        volumes: [
          { name: 'e', emptyDir: {} },
          { name: 'd', downwardAPI: { items: [{ path: 'n', fieldRef: { fieldPath: 'metadata.name' } }] } },
        ],
      },
    },
  });
  const copied = await server.kubectl(
    ...['debug', 'sick', '--copy-to=copy', '--image=example.com/tools:1', '--profile=general', '-q'],
    ...['--container=tools', '--', 'sleep', '9'],
  );
  expect([copied.code, copied.err]).toEqual([0, expect.stringContaining('SYS_PTRACE is not given')]);
  const spec = await specOf('/api/v1/namespaces/default/pods/copy');
  const original = (await specOf('/api/v1/namespaces/default/pods/sick')) as { volumes: unknown[] };
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    containers: [{ name: 'main' }, { name: 'tools', command: ['sleep', '9'] }],
    volumes: original.volumes,
  });
});
