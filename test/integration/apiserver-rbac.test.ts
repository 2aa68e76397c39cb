/** Roles as users meet them, with kubectl where they would use it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KindDefinition } from '#api/kind.ts';
import { kinds } from '#api/kinds.ts';
import { type Fixture, type Sent, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const roles = `${rbac}/namespaces/conf/roles`;
const robot = 'system:serviceaccount:conf:robot';

const as = (user: string, ...groups: readonly string[]): Sent => ({
  headers: {
    'impersonate-user': user,
    ...(groups[0] === undefined ? {} : { 'impersonate-group': groups[0] }),
  },
});

async function apply(...objects: readonly object[]): Promise<void> {
  for (const object of objects) {
    const { kind, metadata } = object as { kind: string; metadata: { namespace?: string } };
    const plural = `${kind.toLowerCase()}s`;
    const place = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
    const answer = await server.request('POST', `${rbac}${place}/${plural}`, {
      body: { apiVersion: 'rbac.authorization.k8s.io/v1', ...object },
    });
    expect(answer.text).toContain(`"kind":"${kind}"`);
    expect(answer.code).toBe(201);
  }
}

const role = (name: string, ...rules: readonly object[]) => ({
  kind: 'Role',
  metadata: { name, namespace: 'conf' },
  rules,
});
const binding = (name: string, kind: string, roleName: string, ...subjects: readonly object[]) => ({
  kind: 'RoleBinding',
  metadata: { name, namespace: 'conf' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: roleName },
  subjects,
});
const user = (name: string) => ({ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name });

beforeAll(async () => {
  server = await startFixture();
  await server.kubectl('create', 'namespace', 'conf');
  await server.kubectl('-n', 'conf', 'create', 'serviceaccount', 'robot');
  await apply(
    role(
      'viewer',
      { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list'] },
      { apiGroups: ['test.patchbay.dev'], resources: ['gadgets'], verbs: ['*'] },
    ),
    binding('viewer', 'Role', 'viewer', { kind: 'ServiceAccount', name: 'robot', namespace: 'conf' }),
    role('one', {
      apiGroups: [''],
      resources: ['configmaps'],
      resourceNames: ['mine'],
      verbs: ['get', 'list'],
    }),
    role('parts', { apiGroups: [''], resources: ['pods/log', '*/status'], verbs: ['get'] }),
    binding('ann', 'Role', 'one', user('ann')),
    binding('ann-parts', 'Role', 'parts', user('ann')),
    binding('lost', 'Role', 'nowhere', user('lost')),
    binding('boss', 'ClusterRole', 'admin', user('boss')),
    binding('reader', 'ClusterRole', 'view', user('reader')),
  );
});
afterAll(() => server.close());

test.each([
  [['auth', 'can-i', 'get', 'configmaps', '-n', 'conf', `--as=${robot}`], 0, 'yes', ''],
  [['auth', 'can-i', 'delete', 'configmaps', '-n', 'conf', `--as=${robot}`], 1, 'no', ''],
  [['auth', 'can-i', '*', 'gadgets.test.patchbay.dev', '-n', 'conf', `--as=${robot}`], 0, 'yes', ''],
  [
    ['-n', 'conf', 'get', 'secrets', `--as=${robot}`],
    1,
    '',
    `Error from server (Forbidden): secrets is forbidden: User "${robot}" cannot list resource "secrets" in API group "" in the namespace "conf"`,
  ],
  [
    ['-n', 'default', 'get', 'cm', `--as=${robot}`],
    1,
    '',
    `Error from server (Forbidden): configmaps is forbidden: User "${robot}" cannot list resource "configmaps" in API group "" in the namespace "default"`,
  ],
])('kubectl %j', async (argv, code, out, err) => {
  expect(await server.kubectl(...argv)).toEqual({ code, out, err });
});

test.each<[string, string, Sent, number]>([
  ['GET', '/api/v1/namespaces/conf/configmaps/mine', as('ann'), 404],
  ['GET', '/api/v1/namespaces/conf/configmaps/other', as('ann'), 403],
  ['GET', '/api/v1/namespaces/conf/configmaps', as('ann'), 403],
  ['GET', '/api/v1/namespaces/conf/configmaps?fieldSelector=metadata.name%3Dmine', as('ann'), 200],
  ['GET', '/api/v1/namespaces/conf/configmaps?fieldSelector=metadata.name!%3Dmine', as('ann'), 403],
  ['GET', '/api/v1/namespaces/default/configmaps/mine', as('ann'), 403],
  ['GET', '/api/v1/namespaces/conf/pods/p/status', as('ann'), 404],
  ['GET', '/api/v1/namespaces/conf/pods/p', as('ann'), 403],
  ['GET', '/version', as('ann'), 200],
  ['GET', '/metrics', as('ann'), 403],
  ['GET', '/metrics', as('prometheus', 'system:monitoring'), 200],
  ['POST', '/backup', as('boss'), 403],
])('%s %s: %j gets %i %i', async (method, path, sent, code) => {
  const answer = await server.request(method, path, sent);
  expect([answer.code, answer.code === code ? '' : answer.text]).toEqual([code, '']);
});

test('a binding to a role that nobody made is told with the refusal', async () => {
  const { body } = await server.request('GET', '/api/v1/namespaces/conf/pods', as('lost'));
  expect(body['message']).toBe(
    'pods is forbidden: User "lost" cannot list resource "pods" in API group "" in the namespace "conf": RBAC: role.rbac.authorization.k8s.io "nowhere" not found',
  );
});

test('view, edit and admin reach what their names say, virtual machines included', async () => {
  const canI = async (who: string, verb: string, what: string) =>
    (await server.kubectl('auth', 'can-i', verb, what, '-n', 'conf', `--as=${who}`)).out;
  expect(
    await Promise.all([
      canI('reader', 'list', 'virtualmachines.kubevirt.io'),
      canI('reader', 'create', 'virtualmachines.kubevirt.io'),
      canI('reader', 'get', 'secrets'),
      canI('reader', 'list', 'network-attachment-definitions.k8s.cni.cncf.io'),
      canI('boss', 'create', 'virtualmachines.kubevirt.io'),
      canI('boss', 'create', 'roles.rbac.authorization.k8s.io'),
      canI('boss', 'create', 'network-attachment-definitions.k8s.cni.cncf.io'),
    ]),
  ).toEqual(['yes', 'no', 'no', 'yes', 'yes', 'yes', 'no']);
});

test('a role with the right label becomes part of view, and leaves it again', async () => {
  await apply({
    kind: 'ClusterRole',
    metadata: { name: 'gadget-view', labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' } },
    rules: [{ apiGroups: ['test.patchbay.dev'], resources: ['gadgets'], verbs: ['get', 'list', 'watch'] }],
  });
  const gadgets = '/apis/test.patchbay.dev/v1/namespaces/conf/gadgets';
  const code = async () => (await server.request('GET', gadgets, as('reader'))).code;
  await expect.poll(code).toBe(200);
  await server.request('DELETE', `${rbac}/clusterroles/gadget-view`);
  await expect.poll(code).toBe(403);
});

test('nobody grants what they do not have, unless they may escalate or bind', async () => {
  const wide = role('wide', { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list'] });
  const refused = await server.request('POST', roles, { ...as('boss'), body: wide });
  expect([refused.code, refused.body['message']]).toEqual([
    403,
    'roles.rbac.authorization.k8s.io "wide" is forbidden: user "boss" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
  ]);
  const narrow = role('narrow', { apiGroups: [''], resources: ['pods'], verbs: ['get'] });
  expect((await server.request('POST', roles, { ...as('boss'), body: narrow })).code).toBe(201);
  const wider = { ...narrow, rules: wide.rules };
  expect((await server.request('PUT', `${roles}/narrow`, { ...as('boss'), body: wider })).code).toBe(403);
  const bindings = `${rbac}/namespaces/conf/rolebindings`;
  const grant = (name: string, to: string) => binding(name, 'ClusterRole', to, user('friend'));
  const bind = async (name: string, to: string) =>
    (await server.request('POST', bindings, { ...as('boss'), body: grant(name, to) })).code;
  expect(await bind('everything', 'cluster-admin')).toBe(403);
  expect(await bind('gone', 'gone')).toBe(404);
  expect(await bind('edit', 'edit')).toBe(201);
  const group = ['rbac.authorization.k8s.io'];
  await apply(
    role('binder', {
      apiGroups: group,
      resources: ['clusterroles'],
      resourceNames: ['cluster-admin'],
      verbs: ['bind'],
    }),
    role('climber', { apiGroups: group, resources: ['roles'], verbs: ['escalate'] }),
    binding('binder', 'Role', 'binder', user('boss')),
    binding('climber', 'Role', 'climber', user('boss')),
  );
  expect(await bind('everything', 'cluster-admin')).toBe(201);
  expect((await server.request('POST', roles, { ...as('boss'), body: wide })).code).toBe(201);
});

test('a binding keeps its role for good', async () => {
  const answer = await server.request('PATCH', `${rbac}/namespaces/conf/rolebindings/viewer`, {
    type: 'application/merge-patch+json',
    body: { roleRef: { name: 'one' } },
  });
  expect([answer.code, answer.text]).toEqual([422, expect.stringContaining('cannot change roleRef')]);
});

test('acting as somebody else needs the right to, for each part', async () => {
  await apply({
    kind: 'ClusterRole',
    metadata: { name: 'actor' },
    rules: [
      { apiGroups: [''], resources: ['users'], resourceNames: ['reader'], verbs: ['impersonate'] },
      { apiGroups: [''], resources: ['groups'], resourceNames: ['dev'], verbs: ['impersonate'] },
      {
        apiGroups: ['authentication.k8s.io'],
        resources: ['userextras/team'],
        resourceNames: ['a'],
        verbs: ['impersonate'],
      },
    ],
  });
  await apply({
    kind: 'ClusterRoleBinding',
    metadata: { name: 'actor' },
    roleRef: { kind: 'ClusterRole', name: 'actor' },
    subjects: [user('stranger')],
  });
  const ask = async (headers: Readonly<Record<string, string>>) => {
    const answer = await server.request('GET', '/api/v1/namespaces/conf/pods', { as: 'stranger', headers });
    return [answer.code, answer.code === 403 ? answer.body['message'] : ''];
  };
  const reader = { 'impersonate-user': 'reader' };
  expect(await ask(reader)).toEqual([200, '']);
  expect(await ask({ ...reader, 'impersonate-group': 'dev', 'impersonate-extra-team': 'a' })).toEqual([
    200,
    '',
  ]);
  const refused = (what: string, kind: string, group = '') => [
    403,
    `${kind}${group === '' ? '' : `.${group}`} "${what}" is forbidden: User "stranger" cannot impersonate resource`,
  ];
  const begins = async (headers: Readonly<Record<string, string>>, [code, text]: readonly unknown[]) => {
    const [got, message] = await ask(headers);
    expect([got, String(message).slice(0, String(text).length)]).toEqual([code, text]);
  };
  await begins({ 'impersonate-user': 'boss' }, refused('boss', 'users'));
  await begins({ ...reader, 'impersonate-group': 'system:masters' }, refused('system:masters', 'groups'));
  await begins({ 'impersonate-user': robot }, refused('robot', 'serviceaccounts'));
  await begins({ ...reader, 'impersonate-uid': '1' }, refused('1', 'uids', 'authentication.k8s.io'));
  await begins(
    { ...reader, 'impersonate-extra-team': 'b' },
    refused('b', 'userextras', 'authentication.k8s.io'),
  );
  expect((await ask({ 'impersonate-group': 'dev' }))[0]).toBe(400);
});

test('who am I, what may I, may they', async () => {
  const who = await server.kubectl('auth', 'whoami', '--as=x', '--as-group=dev', '--as-uid=7', '-o', 'json');
  expect(JSON.parse(who.out)).toMatchObject({
    status: { userInfo: { username: 'x', uid: '7', groups: ['dev', 'system:authenticated'] } },
  });
  const listed = await server.kubectl('auth', 'can-i', '--list', '-n', 'conf', '--as=ann');
  expect(listed.out).toMatch(/configmaps +\[\] +\[mine\] +\[get list\]/);
  const reviews = '/apis/authorization.k8s.io/v1';
  const body = {
    kind: 'SubjectAccessReview',
    spec: { user: robot, resourceAttributes: { namespace: 'conf', verb: 'get', resource: 'configmaps' } },
  };
  const review = await server.request('POST', `${reviews}/subjectaccessreviews`, { body });
  expect([review.code, review.body['status']]).toEqual([
    201,
    {
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "viewer/conf" of Role "viewer" to ServiceAccount "robot/conf"',
    },
  ]);
  const local = { ...body, kind: 'LocalSubjectAccessReview' };
  const path = (namespace: string) => `${reviews}/namespaces/${namespace}/localsubjectaccessreviews`;
  expect((await server.request('POST', path('conf'), { body: local })).code).toBe(201);
  expect((await server.request('POST', path('default'), { body: local })).code).toBe(400);
  expect((await server.request('POST', `${reviews}/subjectaccessreviews`, { ...as('ann'), body })).code).toBe(
    403,
  );
  const neither = { ...body, spec: { user: 'x' } };
  expect((await server.request('POST', `${reviews}/subjectaccessreviews`, { body: neither })).code).toBe(422);
  expect((await server.request('GET', `${reviews}/subjectaccessreviews`)).code).toBe(405);
});

const served = kinds.filter(({ verbs }) => verbs === undefined);

/** The words after `in API group "…"`: where upstream says that it was asked. */
function placeOf(kind: KindDefinition, named: boolean): string {
  if (kind.namespaced) {
    return 'in the namespace "ns"';
  }
  return kind.plural === 'namespaces' && named ? 'in the namespace "x"' : 'at the cluster scope';
}

test.each([
  ['GET', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
])('without rights %s is refused for every kind in upstream’s words', async (method, verb) => {
  const named = method !== 'POST';
  for (const kind of served) {
    const { group, version, plural, namespaced } = kind;
    const root = group === '' ? '/api/v1' : `/apis/${group}/${version}`;
    const collection = `${root}${namespaced ? '/namespaces/ns' : ''}/${plural}`;
    const answer = await server.request(method, named ? `${collection}/x` : collection, { as: 'stranger' });
    const object = `${group === '' ? plural : `${plural}.${group}`}${named ? ' "x"' : ''}`;
    expect([answer.code, answer.body['message']]).toEqual([
      403,
      `${object} is forbidden: User "stranger" cannot ${verb} resource "${plural}" in API group "${group}" ${placeOf(kind, named)}`,
    ]);
  }
});

test('default roles come back at the next start, but not those that were taken over', async () => {
  const patch = (name: string, body: object) =>
    server.request('PATCH', `${rbac}/clusterroles/${name}`, { type: 'application/merge-patch+json', body });
  await server.request('DELETE', `${rbac}/clusterroles/system:basic-user`);
  await patch('system:discovery', { rules: [] });
  await patch('kubevirt.io:view', {
    rules: [],
    metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
  });
  await server.restart();
  const rulesOf = async (name: string) =>
    ((await server.request('GET', `${rbac}/clusterroles/${name}`)).body['rules'] as unknown[] | undefined)
      ?.length;
  expect(
    await Promise.all(['system:basic-user', 'system:discovery', 'kubevirt.io:view'].map(rulesOf)),
  ).toEqual([2, 1, 0]);
});

test("pods in their node's network need one right, and another for rights over it", async () => {
  await apply(
    role('debugs', { apiGroups: [''], resources: ['pods/ephemeralcontainers'], verbs: ['patch'] }),
    binding('debugs', 'Role', 'debugs', user('ed')),
    binding('ed', 'ClusterRole', 'edit', user('ed')),
    binding('host', 'ClusterRole', 'system:openshift:scc:hostnetwork', user('ed')),
  );
  const ed = { ...as('ed') };
  const container = { name: 'c', image: 'example.com/a:1' };
  const raw = { securityContext: { capabilities: { add: ['NET_RAW'] } } };
  const create = (name: string, more: object) =>
    server.request('POST', '/api/v1/namespaces/conf/pods', {
      ...ed,
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { hostNetwork: true, containers: [{ ...container, ...more }] },
      },
    });
  expect((await create('plain', {})).code).toBe(201);
  const refused = await create('raw', raw);
  expect([refused.code, refused.body['message']]).toEqual([
    403,
    expect.stringContaining('NET_RAW needs the right to use the security context constraint "privileged"'),
  ]);
  const debug = async (name: string, more: object) => {
    const sent = {
      headers: { ...ed.headers, 'content-type': 'application/strategic-merge-patch+json' },
      body: { spec: { ephemeralContainers: [{ ...container, name, ...more }] } },
    };
    return (await server.request('PATCH', '/api/v1/namespaces/conf/pods/plain/ephemeralcontainers', sent))
      .code;
  };
  expect([await debug('d1', raw), await debug('d2', {})]).toEqual([403, 200]);
  await apply(binding('all', 'ClusterRole', 'system:openshift:scc:privileged', user('ed')));
  expect([(await create('raw', raw)).code, await debug('d3', raw)]).toEqual([201, 200]);
});
