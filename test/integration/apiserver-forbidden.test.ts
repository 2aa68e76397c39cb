/** Who has no rights is refused in upstream's words: every resource, subresource and verb that discovery tells of, over the wire. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

interface Resource {
  readonly name: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** Every version that is served: its path, group and resources. */
async function served(): Promise<readonly { path: string; group: string; resources: readonly Resource[] }[]> {
  const groups = (await server.request('GET', '/apis')).body['groups'] as readonly {
    name: string;
    versions: readonly { groupVersion: string }[];
  }[];
  const versions = groups.flatMap(({ name, versions: all }) =>
    all.map(({ groupVersion }) => ({ path: `/apis/${groupVersion}`, group: name })),
  );
  return Promise.all(
    [{ path: '/api/v1', group: '' }, ...versions].map(async (one) => ({
      ...one,
      resources: (await server.request('GET', one.path)).body['resources'] as readonly Resource[],
    })),
  );
}

const methods: Readonly<Record<string, string>> = {
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};
/** What asks about oneself is for everybody who is known (`system:basic-user`). */
const open = new Set(['selfsubjectreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews']);

interface Try {
  readonly method: string;
  readonly path: string;
  readonly message: string;
}

const ofOne = new Set(['get', 'update', 'patch', 'delete']);

function triesOf(root: string, group: string, { name: full, namespaced, verbs }: Resource): readonly Try[] {
  const [resource = '', subresource = ''] = full.split('/');
  const qualified = group === '' ? resource : `${resource}.${group}`;
  const tryOf = (verb: string, namespace: string): Try => {
    const isOne = subresource !== '' || ofOne.has(verb);
    // A namespace counts as being in itself.
    const within = resource === 'namespaces' && isOne ? 'n' : namespace;
    const where = within === '' ? 'at the cluster scope' : `in the namespace "${within}"`;
    const parts = [root, namespace && `namespaces/${namespace}`, resource, isOne && 'n', subresource];
    const path = parts.filter((part) => part !== '' && part !== false).join('/');
    return {
      method: methods[verb] ?? 'GET',
      path: verb === 'watch' ? `${path}?watch=true` : path,
      message: `${qualified}${isOne ? ' "n"' : ''} is forbidden: User "stranger" cannot ${verb} resource "${full}" in API group "${group}" ${where}`,
    };
  };
  // Over all namespaces only reads of all are served.
  const everywhere = namespaced
    ? verbs.filter((verb) => verb === 'list' || verb === 'watch').map((verb) => tryOf(verb, ''))
    : [];
  return [...verbs.map((verb) => tryOf(verb, namespaced ? 'x' : '')), ...everywhere];
}

test('all resources and verbs', async () => {
  const tries = (await served()).flatMap(({ path, group, resources }) =>
    resources.filter(({ name }) => !open.has(name)).flatMap((resource) => triesOf(path, group, resource)),
  );
  expect(tries.length).toBeGreaterThan(400);
  const answers = await Promise.all(
    tries.map(({ method, path }) => server.request(method, path, { as: 'stranger' })),
  );
  const got = tries.map(({ method, path }, at) => ({
    method,
    path,
    code: answers[at]?.code,
    reason: answers[at]?.body['reason'],
    message: answers[at]?.body['message'],
  }));
  expect(got).toEqual(tries.map((one) => ({ ...one, code: 403, reason: 'Forbidden' })));
});

test.each([
  ['GET', '/metrics', 'get'],
  ['GET', '/logs/x', 'get'],
  ['POST', '/backup', 'post'],
  ['PUT', '/nothing', 'put'],
])('%s %s', async (method, path, verb) => {
  const { code, body } = await server.request(method, path, { as: 'stranger' });
  expect([code, body['message']]).toEqual([403, `forbidden: User "stranger" cannot ${verb} path "${path}"`]);
});

test('nobody is told who nobody is', async () => {
  const { code, body } = await server.request('GET', '/api/v1/pods', { as: 'nobody' });
  expect([code, body['message']]).toEqual([401, 'Unauthorized']);
});
