/** Tokens that the agent asks for, from a real server. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PodTokens, tokenKey } from '#agent/pods/tokens.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { serviceAccount } from '#api/core/service-account.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { FakeClock } from '#machinery/fake-clock.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

const clock = new FakeClock(Date.now());
const namespace = 'default';
let server: Fixture;
let client: ApiClient;
let tokens: PodTokens;

beforeAll(async () => {
  server = await startFixture({ clock });
  client = createApiClient(server.kubeconfig);
  tokens = new PodTokens(client, clock);
});
afterAll(async () => {
  client.close();
  await server.close();
});

/** A pod as the server stores it, with the volume that admission gave it. */
async function podOf(name: string, account: string): Promise<Pod> {
  await client.create(serviceAccount, { metadata: { namespace, name: account } });
  const spec = { serviceAccountName: account, containers: [{ name: 'c', image: 'i' }] };
  return client.create(podKind, { metadata: { namespace, name }, spec });
}
const source = { expirationSeconds: 3607 };
const tokenOf = async (pod: Pod) => (await tokens.gather(pod)).get(tokenKey(source)) ?? '';

async function userOf(token: string): Promise<unknown> {
  const answer = await server.request('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
    as: 'nobody',
    headers: { authorization: `Bearer ${token}` },
    body: {},
  });
  return answer.body['status'];
}

test('a token is bound to its pod, kept, renewed after four fifths of its life', async () => {
  const pod = await podOf('one', 'robot');
  const first = await tokenOf(pod);
  expect(await userOf(first)).toMatchObject({
    userInfo: {
      username: 'system:serviceaccount:default:robot',
      extra: { 'authentication.kubernetes.io/pod-uid': [pod.metadata.uid] },
    },
  });
  await clock.advance(2_880_000);
  expect(await tokenOf(pod)).toBe(first);
  await clock.advance(10_000);
  const second = await tokenOf(pod);
  expect(second).not.toBe(first);
  expect(await userOf(second)).toMatchObject({
    userInfo: { username: 'system:serviceaccount:default:robot' },
  });
});

test('the old one serves while no new one can be had, and then the pod is told why', async () => {
  const pod = await podOf('two', 'leaving');
  const first = await tokenOf(pod);
  await client.delete(serviceAccount, { namespace, name: 'leaving' });
  await clock.advance(3_000_000);
  expect(await tokenOf(pod)).toBe(first);
  await clock.advance(700_000);
  await expect(tokenOf(pod)).rejects.toThrow(
    /^MountVolume.SetUp failed for volume "kube-api-access-.{5}" : failed to fetch token: serviceaccounts "leaving" not found$/,
  );
});

test('who wants none gets none', async () => {
  const spec = { automountServiceAccountToken: false, containers: [{ name: 'c', image: 'i' }] };
  const own = await client.create(podKind, { metadata: { namespace, name: 'three' }, spec });
  expect([own.spec.volumes, await tokens.gather(own)]).toEqual([undefined, new Map()]);
  await client.create(serviceAccount, {
    metadata: { namespace, name: 'shy' },
    automountServiceAccountToken: false,
  });
  const of = (name: string, asked?: boolean) =>
    client.create(podKind, {
      metadata: { namespace, name },
      spec: {
        serviceAccountName: 'shy',
        containers: [{ name: 'c', image: 'i' }],
        ...(asked === undefined ? {} : { automountServiceAccountToken: asked }),
      },
    });
  expect((await of('four')).spec.volumes).toBeUndefined();
  expect((await of('five', true)).spec.volumes).toHaveLength(1);
});
