import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

let server: Fixture;
beforeAll(async () => {
  server = await startFixture();
});
afterAll(() => server.close());

const path = '/api/v1/namespaces/default/services';

async function create(
  name: string,
  spec: object = {},
): Promise<{ code: number; address: unknown; message: unknown }> {
  const body = { metadata: { name }, spec: { ports: [{ port: 80 }], ...spec } };
  const answer = await server.request('POST', path, { body });
  const made = answer.body['spec'] as { clusterIP?: string; clusterIPs?: string[] } | undefined;
  expect(made?.clusterIPs?.[0]).toBe(made?.clusterIP);
  return { code: answer.code, address: made?.clusterIP, message: answer.body['message'] };
}

describe('addresses of services', () => {
  test('services made at once get different ones, of the range', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, index) => create(`many-${index}`)));
    const addresses = made.map(({ address }) => String(address));
    expect(new Set(addresses).size).toBe(20);
    expect(addresses.filter((address) => !/^172\.30\.\d+\.\d+$/.test(address))).toEqual([]);
  });

  test('one that is asked for is given once, and given again when it is free', async () => {
    expect(await create('asked', { clusterIP: '172.30.0.10' })).toMatchObject({
      code: 201,
      address: '172.30.0.10',
    });
    const second = await create('second', { clusterIP: '172.30.0.10' });
    expect(second).toMatchObject({ code: 422 });
    expect(second.message).toContain('spec.clusterIPs');
    expect(second.message).toContain('provided IP is already allocated');
    await server.request('DELETE', `${path}/asked`);
    expect(await create('second', { clusterIP: '172.30.0.10' })).toMatchObject({ code: 201 });
  });

  test('none for headless services and external names, none outside the range', async () => {
    expect(await create('headless', { clusterIP: 'None' })).toMatchObject({ address: 'None' });
    const external = await create('external', {
      type: 'ExternalName',
      externalName: 'example.com',
      ports: undefined,
    });
    expect(external).toMatchObject({ code: 201, address: undefined });
    expect((await create('outside', { clusterIP: '10.1.2.3' })).message).toContain('172.30.0.0/16');
  });

  test('an update keeps it', async () => {
    const { address } = await create('kept');
    const type = 'application/merge-patch+json';
    const { body } = await server.request('PATCH', `${path}/kept`, {
      body: { spec: { ports: [{ port: 81 }] } },
      type,
    });
    expect(body['spec']).toMatchObject({ clusterIP: address });
  });
});

const spec = (answer: { body: Readonly<Record<string, unknown>> }) =>
  answer.body['spec'] as {
    clusterIPs?: string[];
    ports: { nodePort?: number }[];
    healthCheckNodePort?: number;
  };
const made = (name: string, given: object) =>
  server.request('POST', path, { body: { metadata: { name }, spec: given } });
const changed = (name: string, given: object) =>
  server.request('PATCH', `${path}/${name}`, { type: 'application/merge-patch+json', body: { spec: given } });
const ports = (...list: object[]) => list.map((one, at) => ({ name: `p${at}`, ...one }));

describe('ports on the nodes', () => {
  test('are handed out, kept, given once, and handed out again after a restart', async () => {
    const answer = await made('open', { type: 'NodePort', ports: ports({ port: 80 }, { port: 81 }) });
    const [first, second] = spec(answer).ports.map(({ nodePort }) => nodePort);
    expect([first, second]).toEqual([30086, 30087]);
    const kept = await server.request('PUT', `${path}/open`, {
      body: {
        metadata: { name: 'open' },
        spec: { type: 'NodePort', ports: ports({ port: 80 }, { port: 82 }) },
      },
    });
    expect(spec(kept).ports[0]?.nodePort).toBe(first);
    const clash = await made('clash', { type: 'NodePort', ports: [{ port: 80, nodePort: first }] });
    expect(clash.body['message']).toBe(
      `Service "clash" is invalid: spec.ports[0].nodePort: Invalid value: ${first}: provided port is already allocated`,
    );
    await server.restart();
    const next = await made('next', { type: 'NodePort', ports: [{ port: 80 }] });
    expect(spec(next).ports[0]?.nodePort).not.toBe(first);
  });

  test('go with the type, and cannot be had without it', async () => {
    await made('going', { type: 'NodePort', ports: [{ port: 80 }] });
    const { stdout } = { stdout: (await server.request('GET', `${path}/going`)).body };
    const live = stdout as { spec: { ports: object[] } };
    const closed = await server.request('PUT', `${path}/going`, {
      body: { ...live, spec: { ...live.spec, type: 'ClusterIP' } },
    });
    expect([closed.code, spec(closed).ports[0]?.nodePort]).toEqual([200, undefined]);
    expect(closed.body['spec']).not.toHaveProperty('externalTrafficPolicy');
    const wrong = await made('wrong', {
      ports: [{ port: 80, nodePort: 30001 }],
      externalTrafficPolicy: 'Local',
    });
    expect(wrong.body['message']).toContain(
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    );
    expect(wrong.body['message']).toContain('may only be set for externally-accessible services');
  });

  test('serve two protocols with one number, and checks of a load balancer', async () => {
    const both = await made('both', {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: ports({ port: 53, protocol: 'TCP' }, { port: 53, protocol: 'UDP' }),
    });
    const [tcp, udp] = spec(both).ports.map(({ nodePort }) => nodePort);
    expect(tcp).toBe(udp);
    expect(spec(both).healthCheckNodePort).toBeGreaterThanOrEqual(30000);
    const cluster = await changed('both', { externalTrafficPolicy: 'Cluster' });
    expect([cluster.code, spec(cluster).healthCheckNodePort]).toEqual([200, undefined]);
    const none = await made('none', {
      type: 'LoadBalancer',
      allocateLoadBalancerNodePorts: false,
      ports: [{ port: 80 }],
    });
    expect(spec(none).ports[0]?.nodePort).toBeUndefined();
  });
});

describe('families', () => {
  test('two addresses are given when asked for, taken back, and added later', async () => {
    const both = await made('dual', { ipFamilyPolicy: 'PreferDualStack', ports: [{ port: 80 }] });
    expect(both.body['spec']).toMatchObject({
      ipFamilies: ['IPv4', 'IPv6'],
      clusterIPs: [expect.stringMatching(/^172\.30\./), expect.stringMatching(/^fd02::/)],
    });
    const one = await changed('dual', { ipFamilyPolicy: 'SingleStack' });
    expect(one.body['spec']).toMatchObject({
      ipFamilies: ['IPv4'],
      clusterIPs: [spec(both).clusterIPs?.[0]],
    });
    const again = await changed('dual', { ipFamilyPolicy: 'RequireDualStack' });
    expect(spec(again).clusterIPs).toHaveLength(2);
    const less = await changed('dual', { ipFamilies: ['IPv4'], clusterIPs: [spec(both).clusterIPs?.[0]] });
    expect(less.body['message']).toContain("must be 'SingleStack' to release the secondary IP family");
  });

  test('IPv6 alone, and what does not fit together', async () => {
    const six = await made('six', { ipFamilies: ['IPv6'], ports: [{ port: 80 }] });
    expect(spec(six).clusterIPs).toEqual([expect.stringMatching(/^fd02::/)]);
    const odd = await made('odd', { ipFamilies: ['IPv6'], clusterIP: '172.30.9.9', ports: [{ port: 80 }] });
    expect(odd.body['message']).toContain('expected an IPv6 value as indicated by `ipFamilies[0]`');
    const two = await made('two', { ipFamilies: ['IPv4', 'IPv6'], ports: [{ port: 80 }] });
    expect(two.body['message']).toContain(
      "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
    );
  });

  test('an external name gives all addresses back', async () => {
    await made('moving', { ports: [{ port: 80 }] });
    const moved = await changed('moving', { type: 'ExternalName', externalName: 'example.com' });
    expect([moved.code, moved.body['spec']]).toEqual([
      200,
      expect.not.objectContaining({ clusterIP: expect.anything() }),
    ]);
    expect(moved.body['spec']).not.toHaveProperty('ipFamilies');
  });
});

test('the API server has a service of its own', async () => {
  const { body } = await server.request('GET', `${path}/kubernetes`);
  expect(body).toMatchObject({
    metadata: { labels: { component: 'apiserver', provider: 'kubernetes' } },
    spec: { clusterIP: '172.30.0.1', ports: [{ name: 'https', port: 443 }] },
  });
});
