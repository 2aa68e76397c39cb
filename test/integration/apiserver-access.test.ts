import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, type Sent, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const api = '/api/v1';
const pods = `${api}/namespaces/default/pods`;

async function makePod(name: string, node: string, secret: string): Promise<void> {
  const spec = {
    containers: [{ name: 'c', image: 'example.com/none:1' }],
    volumes: [{ name: 's', secret: { secretName: secret } }],
  };
  await server.request('POST', pods, { body: { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec } });
  const target = { kind: 'Node', name: node };
  await server.request('POST', `${pods}/${name}/binding`, {
    body: { apiVersion: 'v1', kind: 'Binding', metadata: {}, target },
  });
}

beforeAll(async () => {
  server = await startFixture();
  for (const name of ['ours', 'theirs']) {
    const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { a: 'b' } };
    await server.request('POST', `${api}/namespaces/default/secrets`, { body });
  }
  await makePod('mine', 'node1', 'ours');
  await makePod('other', 'node2', 'theirs');
});
afterAll(() => server.close());

test('nobody is refused everywhere but at health checks', async () => {
  const codes = async (path: string) => (await server.request('GET', path, { as: 'nobody' })).code;
  expect(await Promise.all(['/api', '/apis', '/version', pods, '/openapi/v3'].map(codes))).toEqual([
    401, 401, 401, 401, 401,
  ]);
  expect(await Promise.all(['/livez', '/readyz', '/healthz'].map(codes))).toEqual([200, 200, 200]);
  const verbose = await server.request('GET', '/readyz?verbose', { as: 'nobody' });
  expect(verbose.text).toBe('[+]ping ok\n[+]store ok\nreadyz check passed\n');
});

test.each([
  [
    'GET',
    pods,
    'pods is forbidden: User "stranger" cannot list resource "pods" in API group "" in the namespace "default"',
  ],
  [
    'GET',
    `${pods}/mine`,
    'pods "mine" is forbidden: User "stranger" cannot get resource "pods" in API group "" in the namespace "default"',
  ],
  [
    'GET',
    `${api}/nodes`,
    'nodes is forbidden: User "stranger" cannot list resource "nodes" in API group "" at the cluster scope',
  ],
  [
    'PATCH',
    `${pods}/mine/status`,
    'pods "mine" is forbidden: User "stranger" cannot patch resource "pods/status" in API group "" in the namespace "default"',
  ],
  [
    'DELETE',
    '/apis/kubevirt.io/v1/namespaces/x/virtualmachines/v',
    'virtualmachines.kubevirt.io "v" is forbidden: User "stranger" cannot delete resource "virtualmachines" in API group "kubevirt.io" in the namespace "x"',
  ],
  ['POST', '/version', 'forbidden: User "stranger" cannot post path "/version"'],
])('a user without rights: %s %s', async (method, path, message) => {
  const answer = await server.request(method, path, { as: 'stranger' });
  expect([answer.code, answer.body['reason'], answer.body['message']]).toEqual([403, 'Forbidden', message]);
});

test('a user without rights may still see what is served', async () => {
  const codes = ['/api', '/apis', '/version', '/openapi/v3'].map(
    async (path) => (await server.request('GET', path, { as: 'stranger' })).code,
  );
  expect(await Promise.all(codes)).toEqual([200, 200, 200, 200]);
});

const merge = 'application/merge-patch+json';
const node = (name: string) => ({ apiVersion: 'v1', kind: 'Node', metadata: { name } });
const lease = (name: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name },
  spec: {},
});
const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
const instances = '/apis/kubevirt.io/v1/virtualmachineinstances';
const event = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e' },
  involvedObject: { kind: 'Pod', name: 'mine', namespace: 'default' },
  reason: 'Tried',
};

test.each<[number, string, string, Sent]>([
  [201, 'POST', `${api}/nodes`, { body: node('node1') }],
  [200, 'GET', `${api}/nodes`, {}],
  [403, 'POST', `${api}/nodes`, { body: node('node2') }],
  [
    200,
    'PATCH',
    `${api}/nodes/node1/status`,
    { type: merge, body: { metadata: { annotations: { a: 'b' } } } },
  ],
  [403, 'PATCH', `${api}/nodes/node2`, { type: merge, body: {} }],
  [201, 'POST', leases, { body: lease('node1') }],
  [403, 'POST', leases, { body: lease('node2') }],
  [403, 'POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', { body: lease('node1') }],
  [200, 'GET', `${pods}?fieldSelector=spec.nodeName%3Dnode1`, {}],
  [403, 'GET', pods, {}],
  [403, 'GET', `${pods}?fieldSelector=spec.nodeName%3Dnode2`, {}],
  [403, 'GET', `${pods}?fieldSelector=spec.nodeName!%3Dnode1`, {}],
  [200, 'GET', `${pods}/mine`, {}],
  [403, 'GET', `${pods}/other`, {}],
  [200, 'PATCH', `${pods}/mine/status`, { type: merge, body: { status: { phase: 'Running' } } }],
  [403, 'PATCH', `${pods}/other/status`, { type: merge, body: { status: { phase: 'Running' } } }],
  [403, 'PATCH', `${pods}/mine`, { type: merge, body: { metadata: { labels: { a: 'b' } } } }],
  [403, 'POST', pods, { body: {} }],
  [403, 'POST', `${pods}/mine/binding`, { body: {} }],
  [403, 'DELETE', `${pods}/other`, {}],
  [200, 'GET', `${api}/namespaces/default/secrets/ours`, {}],
  [403, 'GET', `${api}/namespaces/default/secrets/theirs`, {}],
  [403, 'GET', `${api}/namespaces/default/secrets`, {}],
  [200, 'GET', `${api}/namespaces/default/secrets?fieldSelector=metadata.name%3Dours`, {}],
  [403, 'GET', `${api}/secrets`, {}],
  [403, 'GET', `${api}/namespaces/default/configmaps/any`, {}],
  [201, 'POST', `${api}/namespaces/default/events`, { body: event }],
  [403, 'GET', '/apis/kubevirt.io/v1/virtualmachineinstances', {}],
  [200, 'GET', `${instances}?labelSelector=kubevirt.io%2FnodeName%3Dnode1`, {}],
  [403, 'GET', `${instances}?labelSelector=kubevirt.io%2FnodeName%3Dnode2`, {}],
  [403, 'GET', `${instances}?labelSelector=kubevirt.io%2FnodeName!%3Dnode2`, {}],
  [403, 'GET', '/apis/kubevirt.io/v1/virtualmachines', {}],
  [
    403,
    'PATCH',
    '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances/none/status',
    { type: merge, body: {} },
  ],
  [200, 'GET', '/apis/nmstate.io/v1/nodenetworkconfigurationpolicies', {}],
  [403, 'PATCH', '/apis/nmstate.io/v1/nodenetworkconfigurationpolicies/p', { type: merge, body: {} }],
  [403, 'DELETE', `${api}/namespaces/default`, {}],
])('the agent of node1 gets %i for %s %s', async (code, method, path, sent) => {
  const answer = await server.request(method, path, { ...sent, as: 'node1' });
  expect([answer.code, answer.code === code ? '' : answer.body['message']]).toEqual([code, '']);
});

test('acting as somebody else gives that one’s rights, and is for administrators only', async () => {
  const headers = { 'impersonate-user': 'stranger' };
  expect((await server.request('GET', pods, { headers })).code).toBe(403);
  const masters = { 'impersonate-user': 'x', 'impersonate-group': 'system:masters' };
  const answer = await server.request('GET', pods, { headers: masters, as: 'node1' });
  expect([answer.code, answer.body['message']]).toEqual([
    403,
    'users "x" is forbidden: User "system:node:node1" cannot impersonate resource "users" in API group "" at the cluster scope',
  ]);
});
