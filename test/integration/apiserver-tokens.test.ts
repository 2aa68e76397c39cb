/** Tokens of service accounts and for joining, from kubectl to their end. */
import {
  createHash,
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  sign,
  verify,
  X509Certificate,
} from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { timestamp } from '#machinery/clock.ts';
import { FakeClock } from '#machinery/fake-clock.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
const clock = new FakeClock(Date.now());
const accounts = '/api/v1/namespaces/default/serviceaccounts';
const pods = '/api/v1/namespaces/default/pods';
const whoami = '/apis/authentication.k8s.io/v1/selfsubjectreviews';

beforeAll(async () => {
  server = await startFixture({ clock });
});
afterAll(() => server.close());

const account = (name: string) =>
  server.request('POST', accounts, {
    body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } },
  });

async function tokenOf(name: string, spec: object = {}): Promise<string> {
  const answer = await server.request('POST', `${accounts}/${name}/token`, { body: { spec } });
  expect([answer.code, answer.code === 201 ? '' : answer.text]).toEqual([201, '']);
  return (answer.body['status'] as { token: string }).token;
}

const bearing = (token: string) => ({ as: 'nobody', headers: { authorization: `Bearer ${token}` } }) as const;

/** Name of the user that a token is taken for; the code when it is refused. */
async function userOf(token: string): Promise<unknown> {
  const answer = await server.request('POST', whoami, { ...bearing(token), body: {} });
  const status = answer.body['status'] as { userInfo?: { username: string } } | string | undefined;
  return typeof status === 'object' ? status.userInfo?.username : answer.code;
}

test('kubectl gets a token, and is its account with it', async () => {
  await account('robot');
  const made = await server.kubectl('create', 'token', 'robot', '--duration=20m');
  expect(made).toMatchObject({ code: 0, err: '' });
  const ca = join(server.directory, 'ca.crt');
  writeFileSync(ca, loadKubeconfig(server.kubeconfig).ca ?? '');
  const flags = ['--kubeconfig=/dev/null', `--server=${server.url()}`, `--certificate-authority=${ca}`];
  const who = await server.kubectl(...flags, `--token=${made.out}`, 'auth', 'whoami', '-o', 'json');
  expect(JSON.parse(who.out)).toMatchObject({
    status: {
      userInfo: {
        username: 'system:serviceaccount:default:robot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
      },
    },
  });
  const secrets = await server.kubectl(...flags, `--token=${made.out}`, 'get', 'secrets');
  expect(secrets.err).toBe(
    'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:robot" cannot list resource "secrets" in API group "" in the namespace "default"',
  );
});

test('who came with a certificate or a token is told which, in reviews and in the audit log', async () => {
  const asked = await server.request('POST', whoami, { body: {} });
  const { cert = '' } = loadKubeconfig(server.kubeconfig);
  const hash = createHash('sha256').update(new X509Certificate(cert).raw).digest('hex');
  const key = 'authentication.kubernetes.io/credential-id';
  const extra = { [key]: [`X509SHA256=${hash}`] };
  expect(asked.body['status']).toMatchObject({ userInfo: { username: 'system:admin', extra } });

  await account('told');
  await server.request('POST', '/api/v1/nodes', { body: { metadata: { name: 'told-node' } } });
  const node = await server.request('GET', '/api/v1/nodes/told-node');
  const spec = { serviceAccountName: 'told', nodeName: 'told-node', containers: [{ name: 'c', image: 'i' }] };
  const pod = await server.request('POST', pods, { body: { metadata: { name: 'told' }, spec } });
  const token = await tokenOf('told', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'told' } });
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    jti: string;
  };
  const uidOf = ({ body }: typeof pod) => (body['metadata'] as { uid: string }).uid;
  const expected = {
    [key]: [`JTI=${jti}`],
    'authentication.kubernetes.io/pod-name': ['told'],
    'authentication.kubernetes.io/pod-uid': [uidOf(pod)],
    'authentication.kubernetes.io/node-name': ['told-node'],
    'authentication.kubernetes.io/node-uid': [uidOf(node)],
  };
  const review = await server.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
    body: { spec: { token } },
  });
  expect(review.body['status']).toMatchObject({ authenticated: true, user: { extra: expected } });
  await server.request('GET', `${pods}/told`, bearing(token));

  const lines = () => readFileSync(join(server.directory, 'audit.log'), 'utf8').trim().split('\n');
  const issued = 'authentication.kubernetes.io/issued-credential-id';
  await expect
    .poll(() => lines().map((line) => JSON.parse(line) as { user: { extra?: unknown }; annotations: object }))
    .toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          user: expect.objectContaining({ username: 'system:admin', extra }),
          annotations: expect.objectContaining({ [issued]: `JTI=${jti}` }),
        }),
        expect.objectContaining({ user: expect.objectContaining({ extra: expected }) }),
      ]),
    );
});

test('a token ends after its time, and not before', async () => {
  await account('brief');
  const token = await tokenOf('brief', { expirationSeconds: 600 });
  await clock.advance(599_000);
  expect(await userOf(token)).toBe('system:serviceaccount:default:brief');
  await clock.advance(1_000);
  expect(await userOf(token)).toBe(401);
});

test('a token ends with its account, also when one of the same name comes back', async () => {
  await account('gone');
  const token = await tokenOf('gone');
  expect(await userOf(token)).toBe('system:serviceaccount:default:gone');
  await server.request('DELETE', `${accounts}/gone`);
  expect(await userOf(token)).toBe(401);
  await account('gone');
  expect(await userOf(token)).toBe(401);
});

test('a token ends with the pod it is bound to', async () => {
  await account('bound');
  const pod = (name: string, serviceAccountName: string) =>
    server.request('POST', pods, {
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { serviceAccountName, containers: [{ name: 'c', image: 'example.com/none:1' }] },
      },
    });
  const made = await pod('p', 'bound');
  const { uid } = made.body['metadata'] as { uid: string };
  const reference = { kind: 'Pod', apiVersion: 'v1', name: 'p', uid };
  const order = (boundObjectRef: object) =>
    server.request('POST', `${accounts}/bound/token`, { body: { spec: { boundObjectRef } } });
  expect((await order({ ...reference, uid: 'other' })).code).toBe(409);
  expect((await order({ ...reference, name: 'missing' })).code).toBe(404);
  await account('stranger');
  await pod('theirs', 'stranger');
  expect((await order({ kind: 'Pod', name: 'theirs' })).code).toBe(400);
  const token = await tokenOf('bound', { boundObjectRef: reference });
  expect(await userOf(token)).toBe('system:serviceaccount:default:bound');
  await server.request('DELETE', `${pods}/p`);
  expect(await userOf(token)).toBe(401);
});

test('a token for somebody else is no token for this server, and a review tells for whom it is', async () => {
  await account('elsewhere');
  const token = await tokenOf('elsewhere', { audiences: ['vault'] });
  expect(await userOf(token)).toBe(401);
  const review = async (audiences?: readonly string[]) => {
    const body = { spec: { token, audiences } };
    return (await server.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body })).body[
      'status'
    ];
  };
  expect(await review(['vault', 'other'])).toMatchObject({
    authenticated: true,
    audiences: ['vault'],
    user: { username: 'system:serviceaccount:default:elsewhere' },
  });
  expect(await review()).toEqual({ user: {}, error: 'invalid bearer token' });
});

test('forged tokens are refused', async () => {
  await account('victim');
  const token = await tokenOf('victim');
  const [header = '', claims = '', signature = ''] = token.split('.');
  const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const parsed = JSON.parse(Buffer.from(claims, 'base64url').toString()) as object;
  const other = encode({ ...parsed, sub: 'system:serviceaccount:kube-system:admin' });
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const byOther = sign('sha256', Buffer.from(`${header}.${claims}`), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  const symmetric = encode({ alg: 'HS256' });
  const mac = createHmac('sha256', 'guess').update(`${symmetric}.${claims}`).digest('base64url');
  const forged = [
    `${header}.${other}.${signature}`,
    `${header}.${claims}.${byOther.toString('base64url')}`,
    `${encode({ alg: 'none' })}.${claims}.`,
    `${symmetric}.${claims}.${mac}`,
    `${header}.${claims}.AA`,
    `${header}.${claims}`,
    `${token}.x`,
    'x'.repeat(10_000),
    '..',
  ];
  expect(await Promise.all(forged.map(userOf))).toEqual(forged.map(() => 401));
  expect(await userOf(token)).toBe('system:serviceaccount:default:victim');
});

test('the key is the owner’s alone, and tokens outlive a restart', async () => {
  await account('lasting');
  const token = await tokenOf('lasting');
  expect(statSync(join(server.directory, 'sa.key')).mode & 0o777).toBe(0o600);
  await server.restart();
  expect(await userOf(token)).toBe('system:serviceaccount:default:lasting');
});

test('what is asked for must make sense', async () => {
  await account('strict');
  const code = async (body: object) => {
    const answer = await server.request('POST', `${accounts}/strict/token`, { body });
    return [answer.code, answer.code === 422 ? answer.body['message'] : ''];
  };
  expect(await code({ spec: { expirationSeconds: 60 } })).toEqual([
    422,
    'TokenRequest.authentication.k8s.io "strict" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
  ]);
  expect((await code({ spec: { boundObjectRef: { kind: 'ConfigMap', name: 'x' } } }))[0]).toBe(400);
  expect((await server.request('POST', `${accounts}/nobody/token`, { body: {} })).code).toBe(404);
  expect((await server.request('GET', `${accounts}/strict/token`)).code).toBe(405);
});

test('a bootstrap token joins as long as it is good', async () => {
  const make = (id: string, data: Readonly<Record<string, string>>) =>
    server.request('POST', '/api/v1/namespaces/kube-system/secrets', {
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: `bootstrap-token-${id}` },
        type: 'bootstrap.kubernetes.io/token',
        stringData: { 'token-id': id, 'token-secret': 'abcdefghij012345', ...data },
      },
    });
  const good = { 'usage-bootstrap-authentication': 'true' };
  const at = (ms: number) => ({ ...good, expiration: timestamp(clock.now() + ms) });
  await make('good00', { ...at(60_000), 'auth-extra-groups': 'system:bootstrappers:agents' });
  await make('over00', at(-1_000));
  await make('mute00', {});
  await make('evil00', { ...good, 'auth-extra-groups': 'system:masters' });
  const user = (id: string, secret = 'abcdefghij012345') => userOf(`${id}.${secret}`);
  expect(await user('good00')).toBe('system:bootstrap:good00');
  const refused = [
    user('good00', 'abcdefghij012346'),
    user('over00'),
    user('mute00'),
    user('evil00'),
    user('none00'),
  ];
  expect(await Promise.all(refused)).toEqual([401, 401, 401, 401, 401]);
  const answer = await server.request('GET', '/api/v1/nodes', bearing('good00.abcdefghij012345'));
  expect(answer.body['message']).toContain('User "system:bootstrap:good00" cannot list resource "nodes"');
  await clock.advance(61_000);
  expect(await user('good00')).toBe(401);
});

test('others can check its tokens with what the issuer publishes', async () => {
  await account('checked');
  const token = await tokenOf('checked');
  const { body } = await server.request('GET', '/.well-known/openid-configuration', bearing(token));
  expect(body).toEqual({
    issuer: 'https://kubernetes.default.svc.cluster.local',
    jwks_uri: `${server.url()}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
  const { text, headers } = await server.request('GET', '/openid/v1/jwks', bearing(token));
  expect(headers['content-type']).toBe('application/jwk-set+json');
  const [key] = (JSON.parse(text) as { keys: readonly JsonWebKey[] }).keys;
  const [head = '', claims = '', signature = ''] = token.split('.');
  const options = {
    key: createPublicKey({ key: key as JsonWebKey, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363',
  } as const;
  const good = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    options,
    Buffer.from(signature, 'base64url'),
  );
  expect(good).toBe(true);
  const stranger = await server.request('GET', '/openid/v1/jwks', { as: 'stranger' });
  expect(stranger.code).toBe(403);
});
