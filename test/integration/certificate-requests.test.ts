/** Certificates by request: a node joins with a bootstrap token and renews, people approve, signers refuse. */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureCertificate, keepCertificate } from '#agent/certificate.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import { node } from '#api/core/node.ts';
import { secret } from '#api/core/secret.ts';
import { algorithm, exportKey } from '#certs/certificates.ts';
import { makeRequest } from '#certs/requests.ts';
import { clusterControllers } from '#cluster/cluster.ts';
import { systemClock as clock } from '#machinery/clock.ts';
import { createEventRecorder } from '#machinery/events.ts';
import { FakeClock } from '#machinery/fake-clock.ts';
import { createApiClient, type HttpApiClient } from '#machinery/http-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import { silentLog as log } from '#machinery/log.ts';
import { runControllers } from '#machinery/run-controllers.ts';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

const stop = new AbortController();
const { signal } = stop;
const requests = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
const kubelet = 'kubernetes.io/kube-apiserver-client-kubelet';
let server: Fixture;
let client: HttpApiClient;
let over: Promise<void>;
let bootstrap = '';

beforeAll(async () => {
  server = await startFixture();
  client = createApiClient(server.kubeconfig);
  const factory = createInformerFactory(client, { log });
  const events = createEventRecorder(client, { component: 'test', log });
  const loops = clusterControllers(factory, { clock, log, events, authority: server.authority }).filter(
    ({ name }) => name.startsWith('certificate-'),
  );
  await factory.start(signal);
  over = runControllers(loops, { signal, log });
  await client.create(secret, {
    metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': 'abcdef',
      'token-secret': '0123456789abcdef',
      'usage-bootstrap-authentication': 'true',
    },
  });
  bootstrap = kubeconfigOf('bootstrap', { token: 'abcdef.0123456789abcdef' });
});
afterAll(async () => {
  stop.abort();
  await over;
  client.close();
  await server.close();
});

function kubeconfigOf(name: string, user: object): string {
  const file = join(server.directory, name);
  const ca = Buffer.from(loadKubeconfig(server.kubeconfig).ca ?? '').toString('base64');
  const config = {
    clusters: [{ name, cluster: { server: server.url(), 'certificate-authority-data': ca } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

const identityOf = (nodeName: string) => ({
  nodeName,
  kubeconfig: join(server.directory, nodeName, '..', `${nodeName}.kubeconfig`),
  bootstrapKubeconfig: bootstrap,
});
const certificateOf = (kubeconfig: string) => new X509Certificate(loadKubeconfig(kubeconfig).cert ?? '');

/** A request as somebody makes it; the status that it has at its end, when it gets one. */
async function ask(
  name: string,
  subject: { commonName: string; organizations: readonly string[] },
  spec: object,
  as?: 'node1' | 'admin',
): Promise<{ code: number; message: unknown }> {
  const { request } = await makeRequest(subject);
  const { code, body } = await server.request('POST', requests, {
    body: { metadata: { name }, spec: { request: Buffer.from(request).toString('base64'), ...spec } },
    ...(as === undefined ? {} : { as }),
  });
  return { code, message: body['message'] };
}
const statusOf = async (name: string) => (await client.get(kind, { name })).status ?? {};
const user = { commonName: 'jane', organizations: ['dev'] };
const forUser = { signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'] };
const forNode = { signerName: kubelet, usages: ['digital signature', 'client auth'] };

describe('an agent with a bootstrap token', () => {
  test('gets a certificate of its node, and is the node with it', async () => {
    const identity = identityOf('joiner');
    await ensureCertificate(identity, { log, signal });
    expect(certificateOf(identity.kubeconfig).subject).toBe('O=system:nodes\nCN=system:node:joiner');
    expect(statSync(identity.kubeconfig).mode & 0o777).toBe(0o600);
    expect(existsSync(`${identity.kubeconfig}.key`)).toBe(false);
    const joined = createApiClient(identity.kubeconfig);
    await joined.create(node, { metadata: { name: 'joiner' } });
    await expect(joined.create(node, { metadata: { name: 'other' } })).rejects.toThrow('is forbidden');
    joined.close();
    const text = readFileSync(identity.kubeconfig, 'utf8');
    await ensureCertificate(identity, { log, signal });
    expect(readFileSync(identity.kubeconfig, 'utf8')).toBe(text);
  });

  test('renews it in time with what it has, and goes on with the new one', async () => {
    const identity = identityOf('joiner');
    const before = certificateOf(identity.kubeconfig);
    const later = new FakeClock();
    const own = createApiClient(identity.kubeconfig);
    const end = new AbortController();
    const keeping = keepCertificate(identity, own, { log, signal: end.signal, clock: later });
    await later.advance(360 * 86_400_000 - (later.now() - before.validFromDate.getTime()));
    await expect
      .poll(() => certificateOf(identity.kubeconfig).serialNumber, { timeout: 10_000 })
      .not.toBe(before.serialNumber);
    end.abort();
    await keeping;
    const { items } = await client.list(kind);
    const renewals = items.filter(({ spec }) => spec.username === 'system:node:joiner');
    expect(renewals).toHaveLength(1); // although the new certificate, too, is due at once by that clock
    expect(renewals[0]?.status?.conditions?.[0]).toMatchObject({
      type: 'Approved',
      reason: 'AutoApproved',
      message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
    });
    expect((await own.get(node, { name: 'joiner' })).metadata.name).toBe('joiner');
    own.close();
  });

  test('gets none of a node that is there already, until somebody says so', async () => {
    await client.create(node, { metadata: { name: 'taken' } });
    const identity = identityOf('taken');
    const joining = ensureCertificate(identity, { log, signal });
    let name = '';
    await expect
      .poll(async () => {
        const { items } = await client.list(kind);
        const waiting = items.filter(({ status }) => (status?.conditions ?? []).length === 0);
        name = waiting[0]?.metadata.name ?? '';
        return waiting.length;
      })
      .toBe(1);
    expect((await server.kubectl('certificate', 'approve', name)).out).toBe(
      `certificatesigningrequest.certificates.k8s.io/${name} approved`,
    );
    await joining;
    expect(certificateOf(identity.kubeconfig).subject).toContain('CN=system:node:taken');
  });

  test('ends when it is denied, and makes another request next time', async () => {
    await client.create(node, { metadata: { name: 'unwanted' } });
    const identity = identityOf('unwanted');
    const joining = ensureCertificate(identity, { log, signal });
    const settled = expect(joining).rejects.toThrow(/^certificate request node-csr-\w+: Denied: /);
    let name = '';
    await expect
      .poll(async () => {
        const { items } = await client.list(kind);
        name = items.find(({ status }) => (status?.conditions ?? []).length === 0)?.metadata.name ?? '';
        return name;
      })
      .not.toBe('');
    await server.kubectl('certificate', 'deny', name);
    await settled;
    expect(existsSync(`${identity.kubeconfig}.key`)).toBe(false);
  });
});

describe('a node', () => {
  test('asks for no certificate of another node', async () => {
    const other = { commonName: 'system:node:node2', organizations: ['system:nodes'] };
    expect(await ask('steal', other, forNode, 'node1')).toEqual({
      code: 403,
      message:
        'certificatesigningrequests.certificates.k8s.io "steal" is forbidden: can only create a node CSR with CN=system:node:node1, not with CN=system:node:node2',
    });
  });

  test('reads its own requests only', async () => {
    const own = { commonName: 'system:node:node1', organizations: ['system:nodes'] };
    expect((await ask('own', own, forNode, 'node1')).code).toBe(201);
    await ask('jane-1', user, forUser);
    const codes = await Promise.all(
      ['/own', '/jane-1', ''].map(
        async (path) => (await server.request('GET', requests + path, { as: 'node1' })).code,
      ),
    );
    expect(codes).toEqual([200, 403, 403]);
    const approve = { as: 'node1', type: 'application/merge-patch+json', body: { status: {} } } as const;
    expect((await server.request('PATCH', `${requests}/own/approval`, approve)).code).toBe(403);
  });
});

describe('a certificate to serve with', () => {
  const forServing = {
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'server auth'],
  };
  const identity = { commonName: 'system:node:node1', organizations: ['system:nodes'] };

  test('waits for somebody who knows the addresses of the node, and names them', async () => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const names = new x509.SubjectAlternativeNameExtension([
      { type: 'dns', value: 'node1' },
      { type: 'ip', value: '127.0.0.1' },
    ]);
    const made = await x509.Pkcs10CertificateRequestGenerator.create({
      name: 'O=system:nodes, CN=system:node:node1',
      keys,
      signingAlgorithm: algorithm,
      extensions: [names],
    });
    const request = Buffer.from(made.toString('pem')).toString('base64');
    const body = { metadata: { name: 'serving' }, spec: { ...forServing, request } };
    expect((await server.request('POST', requests, { body, as: 'node1' })).code).toBe(201);
    // What a later request is told by then, this one would have been.
    await ask('serving-none', identity, forServing, 'node1');
    await server.kubectl('certificate', 'approve', 'serving-none');
    await expect
      .poll(async () => (await statusOf('serving-none')).conditions?.at(-1)?.message)
      .toBe('at least one DNS or IP subjectAltName is required');
    expect(await statusOf('serving')).toEqual({});
    await server.kubectl('certificate', 'approve', 'serving');
    await expect.poll(async () => (await statusOf('serving')).certificate ?? '').not.toBe('');
    const cert = Buffer.from((await statusOf('serving')).certificate ?? '', 'base64').toString();
    const serving = tls.createServer({ cert, key: await exportKey(keys.privateKey) }).listen(0, '127.0.0.1');
    await once(serving, 'listening');
    const { port } = serving.address() as AddressInfo;
    const socket = tls.connect({ host: '127.0.0.1', port, ca: server.authority.cert });
    await once(socket, 'secureConnect');
    expect([socket.authorized, new X509Certificate(cert).keyUsage]).toEqual([true, ['1.3.6.1.5.5.7.3.1']]);
    socket.destroy();
    serving.close();
  });

  test('is asked for by the node itself only', async () => {
    const other = { ...identity, commonName: 'system:node:node2' };
    expect((await ask('serving-other', other, forServing, 'node1')).message).toContain(
      'can only create a node CSR with CN=system:node:node1',
    );
  });
});

describe('people', () => {
  test('approve with kubectl, and the certificate is good for the server', async () => {
    await ask('jane', user, { ...forUser, expirationSeconds: 3600 });
    expect((await server.kubectl('get', 'csr', 'jane')).out.split('\n')[1]).toMatch(
      /^jane +\d+s +kubernetes.io\/kube-apiserver-client +system:admin +60m +Pending$/,
    );
    await server.kubectl('certificate', 'approve', 'jane');
    await expect.poll(async () => (await statusOf('jane')).certificate ?? '').not.toBe('');
    const { certificate = '' } = await statusOf('jane');
    const made = new X509Certificate(Buffer.from(certificate, 'base64'));
    expect(made.verify(new X509Certificate(server.authority.cert).publicKey)).toBe(true);
    expect([made.subject, made.keyUsage]).toEqual(['O=dev\nCN=jane', ['1.3.6.1.5.5.7.3.2']]);
    expect((made.validToDate.getTime() - Date.now()) / 1000).toBeLessThanOrEqual(3600);
    expect((await server.kubectl('get', 'csr', 'jane', '--no-headers')).out).toMatch(/Approved,Issued$/);
  });

  test('need the verb of the signer', async () => {
    const rules = {
      apiGroups: ['certificates.k8s.io'],
      resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
      verbs: ['*'],
    };
    await server.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      body: { metadata: { name: 'half' }, rules: [rules] },
    });
    await server.kubectl('create', 'clusterrolebinding', 'half', '--clusterrole=half', '--user=half');
    await ask('jane-2', user, forUser);
    const condition = { type: 'Approved', status: 'True', reason: 'x', message: 'x' };
    const write = (subresource: string, status: object) =>
      server.request('PATCH', `${requests}/jane-2/${subresource}`, {
        type: 'application/merge-patch+json',
        headers: { 'impersonate-user': 'half' },
        body: { status },
      });
    const refusal = (verb: string) =>
      `certificatesigningrequests.certificates.k8s.io "jane-2" is forbidden: user not permitted to ${verb} requests with signerName "kubernetes.io/kube-apiserver-client"`;
    expect((await write('approval', { conditions: [condition] })).body['message']).toBe(refusal('approve'));
    expect((await write('status', { certificate: 'AAAA' })).body['message']).toBe(refusal('sign'));
    const approving = { apiGroups: ['certificates.k8s.io'], resources: ['signers'], verbs: ['approve'] };
    await server.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterroles', {
      body: { metadata: { name: 'rest' }, rules: [{ ...approving, resourceNames: ['kubernetes.io/*'] }] },
    });
    await server.kubectl('create', 'clusterrolebinding', 'rest', '--clusterrole=rest', '--user=half');
    expect((await write('approval', { conditions: [condition] })).code).toBe(200);
  });

  test.each([
    [
      'no request',
      { request: 'AAAA' },
      'spec.request: Invalid value: "AAAA": PEM block type must be CERTIFICATE REQUEST',
    ],
    ['no usages', { usages: [] }, 'spec.usages: Required value'],
    ['an unknown usage', { usages: ['cooking'] }, 'spec.usages[0]: Unsupported value: "cooking"'],
    [
      'a usage twice',
      { usages: ['client auth', 'client auth'] },
      'spec.usages[1]: Duplicate value: "client auth"',
    ],
    [
      'a signer without path',
      { signerName: 'me' },
      `spec.signerName: Invalid value: "me": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
    [
      'too short a time',
      { expirationSeconds: 60 },
      'spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 600 seconds (10 minutes)',
    ],
  ])('are told what is wrong: %s', async (_what, change, text) => {
    const { code, message } = await ask('bad', user, { ...forUser, ...change });
    expect([code, message]).toEqual([422, expect.stringContaining(text)]);
  });

  test('become no masters', async () => {
    const { message } = await ask('master', { commonName: 'x', organizations: ['system:masters'] }, forUser);
    expect(message).toContain(
      'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    );
  });

  test('cannot change what was asked, nor take a verdict back', async () => {
    await ask('fixed', user, forUser);
    const was = await client.get(kind, { name: 'fixed' });
    const other: CertificateSigningRequest = {
      ...was,
      spec: { ...was.spec, username: 'somebody', signerName: 'a.b/c' },
    };
    expect((await client.update(kind, other)).spec).toEqual(was.spec);
    await server.kubectl('certificate', 'deny', 'fixed');
    const back = { type: 'application/merge-patch+json', body: { status: { conditions: [] } } };
    expect((await server.request('PATCH', `${requests}/fixed/approval`, back)).body['message']).toContain(
      'status.conditions: Forbidden: updates may not remove a condition of type "Denied"',
    );
  });

  test('learn why a signer does not sign', async () => {
    await ask('odd', user, { ...forUser, usages: ['client auth', 'server auth'] });
    await server.kubectl('certificate', 'approve', 'odd');
    await expect
      .poll(async () => (await statusOf('odd')).conditions?.find(({ type }) => type === 'Failed'))
      .toMatchObject({
        reason: 'SignerValidationFailure',
        message: 'usages did not match [digital signature key encipherment client auth]',
      });
  });
});
