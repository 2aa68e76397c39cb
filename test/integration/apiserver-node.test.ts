/** A stolen credential of one node's agent: what it can do, over all verbs and kinds, and what it cannot change. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { kinds } from '#api/kinds.ts';
import { subresourcesOf } from '#apiserver/discovery/verbs.ts';
import { type Fixture, gadget, type Sent, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const merge = 'application/merge-patch+json';
const pods = '/api/v1/namespaces/default/pods';
const instances = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances';
const nodes = '/api/v1/nodes';
const enactments = '/apis/nmstate.io/v1beta1/nodenetworkconfigurationenactments';

const agent = (sent: Sent = {}): Sent => ({ ...sent, as: 'node1' });
const patch = (path: string, body: object) => server.request('PATCH', path, agent({ type: merge, body }));

async function make(path: string, body: object): Promise<void> {
  const answer = await server.request('POST', path, { body });
  expect([answer.code, answer.code === 201 ? '' : answer.text]).toEqual([201, '']);
}

async function makeMachine(name: string, node: string, secret: string): Promise<void> {
  const spec = {
    containers: [{ name: 'c', image: 'example.com/none:1' }],
    volumes: [{ name: 's', secret: { secretName: secret } }],
  };
  await make(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec });
  await make(`${pods}/${name}/binding`, { metadata: {}, target: { kind: 'Node', name: node } });
  await make(instances, {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name, labels: { 'kubevirt.io/nodeName': node } },
    spec: {
      domain: { devices: {}, resources: { requests: { memory: '64Mi' } } },
      terminationGracePeriodSeconds: 0,
    },
  });
  const status = { type: merge, body: { status: { nodeName: node } } };
  expect((await server.request('PATCH', `${instances}/${name}/status`, status)).code).toBe(200);
}

beforeAll(async () => {
  server = await startFixture();
  for (const name of ['ours', 'theirs']) {
    await make('/api/v1/namespaces/default/secrets', { metadata: { name }, stringData: { a: 'b' } });
    await make('/api/v1/namespaces/default/serviceaccounts', { metadata: { name } });
  }
  await make('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'default' } });
  await make(nodes, { metadata: { name: 'node1' } });
  await make(nodes, { metadata: { name: 'node2' } });
  await makeMachine('ours', 'node1', 'ours');
  await makeMachine('theirs', 'node2', 'theirs');
});
afterAll(() => server.close());

const methods: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH' };

interface Try {
  readonly verb: string;
  readonly method: string;
  readonly path: string;
}

/** Every verb on a kind: everywhere, on the object of the other node, on every subresource of it. */
function triesOf(kind: KindDefinition): readonly Try[] {
  const root = kind.group === '' ? '/api/v1' : `/apis/${apiVersionOf(kind)}`;
  const all = `${root}/${kind.plural}`;
  const some = kind.namespaced ? `${root}/namespaces/default/${kind.plural}` : all;
  const names: Readonly<Record<string, string>> = {
    nodes: 'node2',
    nodenetworkstates: 'node2',
    leases: 'node2',
    nodenetworkconfigurationenactments: 'node2.policy',
  };
  const one = `${some}/${names[kind.plural] ?? 'theirs'}`;
  const tries = [
    ['list', 'GET', all],
    ['watch', 'GET', `${all}?watch=true&timeoutSeconds=1`],
    ['list in namespace', 'GET', some],
    ['create', 'POST', some],
    ['deletecollection', 'DELETE', some],
    ['get', 'GET', one],
    ['update', 'PUT', one],
    ['patch', 'PATCH', one],
    ['delete', 'DELETE', one],
  ] as const;
  const below = subresourcesOf(kind).flatMap(({ name, verbs }) =>
    verbs.map((verb) => [`${verb} ${name}`, methods[verb] ?? 'GET', `${one}/${name}`] as const),
  );
  return [...tries, ...below].map(([verb, method, path]) => ({ verb, method, path }));
}

test('over all verbs and kinds, the agent reaches no object of the other node', async () => {
  const served = [...kinds, gadget].filter(({ verbs }) => verbs === undefined);
  const tried = served.flatMap((kind) => triesOf(kind).map((one) => ({ ...one, kind })));
  const reached: string[] = [];
  for (const { kind, verb, method, path } of tried) {
    const { code } = await server.request(method, path, agent());
    if (code !== 403) {
      reached.push(`${verb} ${kind.plural}`);
    }
  }
  expect(tried.length).toBeGreaterThan(300);
  // What is left is no secret: networks, nodes, policies and what became of them. Creations are judged by their content.
  expect([...new Set(reached)].sort()).toEqual(
    [
      'create certificatesigningrequests',
      'create events',
      'create nodenetworkconfigurationenactments',
      'create nodenetworkstates',
      'create nodes',
      ...['get', 'list', 'list in namespace', 'watch'].flatMap((verb) => [
        `${verb} network-attachment-definitions`,
        `${verb} nodenetworkconfigurationenactments`,
        `${verb} nodenetworkconfigurationpolicies`,
        `${verb} nodes`,
        `${verb} services`,
      ]),
    ].sort(),
  );
});

test.each<[string, string, object]>([
  ['POST', nodes, { metadata: { name: 'node3' } }],
  [
    'POST',
    '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases',
    { metadata: { name: 'node2' }, spec: {} },
  ],
  ['POST', '/apis/nmstate.io/v1beta1/nodenetworkstates', { metadata: { name: 'node2' } }],
  ['POST', enactments, { metadata: { name: 'node2.policy' } }],
  ['POST', enactments, { metadata: { name: 'node1.policy', labels: { 'nmstate.io/node': 'node2' } } }],
  ['POST', pods, { metadata: { name: 'x' }, spec: { nodeName: 'node2' } }],
])('%s %s %j is refused by its content', async (method, path, body) => {
  expect((await server.request(method, path, agent({ body }))).code).toBe(403);
});

test('an agent steers no workload to itself and takes no addresses', async () => {
  const told = async (body: object) => (await patch(`${nodes}/node1`, body)).body['message'];
  expect(await told({ metadata: { labels: { 'node-restriction.kubernetes.io/secure': 'yes' } } })).toBe(
    'nodes "node1" is forbidden: node "node1" is not allowed to modify labels: node-restriction.kubernetes.io/secure',
  );
  expect(await told({ metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } })).toContain(
    'is not allowed to modify labels',
  );
  expect(await told({ spec: { taints: [{ key: 'a', effect: 'NoSchedule' }] } })).toContain(
    'is not allowed to modify taints',
  );
  expect(await told({ metadata: { annotations: { 'k8s.ovn.org/node-subnets': '{}' } } })).toContain(
    'is not allowed to modify annotations',
  );
  const labels = {
    'topology.kubernetes.io/zone': 'a',
    'kubevirt.io/schedulable': 'true',
    'kubernetes.io/os': 'linux',
  };
  expect((await patch(`${nodes}/node1`, { metadata: { labels } })).code).toBe(200);
});

test('of its own pods and machines an agent tells the status, and nothing else', async () => {
  const status = async (body: object) => (await patch(`${pods}/ours/status`, body)).code;
  expect(await status({ metadata: { annotations: { 'k8s.v1.cni.cncf.io/network-status': '[]' } } })).toBe(
    200,
  );
  expect(await status({ metadata: { annotations: { 'k8s.ovn.org/pod-networks': '{}' } } })).toBe(403);
  expect(await status({ metadata: { labels: { a: 'b' } } })).toBe(403);
  const machine = async (body: object, part = '/status') =>
    (await patch(`${instances}/ours${part}`, body)).code;
  expect(await machine({ status: { phase: 'Running' } })).toBe(200);
  expect(await machine({ status: { nodeName: 'node2' } })).toBe(403);
  expect(await machine({ metadata: { labels: { a: 'b' } } }, '')).toBe(403);
});

test('an agent gets tokens for pods on its node only, bound to them', async () => {
  const order = async (account: string, boundObjectRef?: object) =>
    (
      await server.request(
        'POST',
        `/api/v1/namespaces/default/serviceaccounts/${account}/token`,
        agent({ body: { spec: { boundObjectRef } } }),
      )
    ).code;
  expect(await order('default', { kind: 'Pod', name: 'ours' })).toBe(201);
  expect(await order('default', { kind: 'Pod', name: 'theirs' })).toBe(403);
  expect(await order('default')).toBe(403);
  expect(await order('theirs', { kind: 'Pod', name: 'theirs' })).toBe(403);
});

test('rights follow the pod: secrets of a pod that is gone are out of reach', async () => {
  const secret = async () =>
    (await server.request('GET', '/api/v1/namespaces/default/secrets/late', agent())).code;
  await make('/api/v1/namespaces/default/secrets', { metadata: { name: 'late' } });
  expect(await secret()).toBe(403);
  await makeMachine('late', 'node1', 'late');
  expect(await secret()).toBe(200);
  await server.request('DELETE', `${pods}/late?gracePeriodSeconds=0`);
  expect(await secret()).toBe(403);
});

test('an agent acts as nobody else and learns nobody’s rights', async () => {
  const headers = (user: string) => agent({ headers: { 'impersonate-user': user } });
  const codes = ['system:node:node2', 'system:admin', 'system:serviceaccount:default:theirs'].map(
    async (user) => (await server.request('GET', nodes, headers(user))).code,
  );
  expect(await Promise.all(codes)).toEqual([403, 403, 403]);
  const reviews = ['authentication.k8s.io/v1/tokenreviews', 'authorization.k8s.io/v1/subjectaccessreviews'];
  for (const path of reviews) {
    expect((await server.request('POST', `/apis/${path}`, agent({ body: {} }))).code).toBe(403);
  }
});

test('names with dots: an enactment belongs to the node with the longest fitting name', async () => {
  await make(nodes, { metadata: { name: 'node1.lab' } });
  const create = async (name: string) =>
    (await server.request('POST', enactments, agent({ body: { metadata: { name } } }))).code;
  expect(await create('node1.lab.policy')).toBe(403);
  expect(await create('node1.policy')).toBe(201);
});
