/** What those who run the server rely on: figures, the audit log, fair shares, backups, a quick end, compaction. */
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import * as https from 'node:https';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { kinds } from '#api/kinds.ts';
import type { ApiServerOptions } from '#apiserver/server.ts';
import { backUp, restore } from '#cli/store-copies.ts';
import { FakeClock } from '#machinery/fake-clock.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import { type Fixture, startFixture } from './apiserver-fixture.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const open: Fixture[] = [];

async function start(options: Partial<ApiServerOptions> = {}): Promise<Fixture> {
  const server = await startFixture(options);
  open.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});

const configMap = (name: string, data: object = {}) => ({ metadata: { name }, data });
const put = (server: Fixture, name: string, data?: object) =>
  server.request('POST', configMaps, { body: configMap(name, data) });

test('figures have upstream’s names and count what happens', async () => {
  const server = await start();
  await put(server, 'a');
  await put(server, 'a');
  await server.request('GET', '/api/v1/namespaces/default/configmaps/a');
  await server.request('GET', '/api/v1/namespaces/default/made-up-1');
  await server.request('GET', '/api/v1/pods', { as: 'stranger' });
  await server.watch('/api/v1/configmaps?watch=true', (events) => events.length > 0);
  const { text, headers } = await server.request('GET', '/metrics');
  expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
  const labels =
    'component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="POST",version="v1"';
  expect(text).toContain(`apiserver_request_total{code="201",${labels}} 1\n`);
  expect(text).toContain(`apiserver_request_total{code="409",${labels}} 1\n`);
  expect(text).toContain(`apiserver_request_duration_seconds_count{${labels}} 2\n`);
  expect(text).toContain(`apiserver_request_duration_seconds_bucket{${labels},le="+Inf"} 2\n`);
  expect(text).not.toContain('made-up');
  expect(text).toMatch(/apiserver_request_total\{code="403",[^}]*resource="pods"[^}]*verb="LIST"[^}]*\} 1\n/);
  expect(text).toContain('apiserver_storage_objects{resource="configmaps"} 1\n');
  for (const name of [
    'apiserver_current_inflight_requests{request_kind="readOnly"} 1',
    'apiserver_longrunning_requests',
    'apiserver_storage_size_bytes',
    'apiserver_flowcontrol_rejected_requests_total{flow_schema="global-default",priority_level="global-default",reason="queue-full"} 0',
    'etcd_disk_wal_fsync_duration_seconds_count',
    'etcd_request_duration_seconds_count{operation="create",type="configmaps"} 1',
    'etcd_requests_total{operation="get",type="configmaps"} 1',
    'etcd_mvcc_db_total_size_in_bytes',
    `apiserver_request_sli_duration_seconds_count{${labels.replace('dry_run="",', '')}} 2`,
    `apiserver_response_sizes_bucket{${labels.replace('dry_run="",', '')},le="1000"} `,
    'apiserver_watch_events_total{group="",kind="ConfigMap",version="v1"} 1',
    'apiserver_audit_event_total ',
    'authentication_attempts{result="success"} ',
    'kubernetes_build_info{git_version="v1.36.0-patchbay",major="1",minor="36",',
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'process_open_fds',
  ]) {
    expect(text).toContain(name);
  }
  const lines = text.trimEnd().split('\n');
  const typed = lines.filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2]);
  expect(typed.length).toBe(new Set(typed).size);
  const wrong = lines.filter(
    (line) => !/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? -?[\d.e+-]+)$/.test(line),
  );
  expect(wrong).toEqual([]);
});

interface AuditEvent {
  readonly verb: string;
  readonly stage: string;
  readonly user: { readonly username?: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly objectRef?: { readonly resource: string; readonly name?: string };
  readonly responseStatus: { readonly code: number };
  readonly annotations: Readonly<Record<string, string>>;
}

test('the audit log tells who did what, never what with, and is the owner’s alone', async () => {
  const server = await start();
  await put(server, 'audited', { secret: 'do-not-tell' });
  await server.request('GET', '/api/v1/secrets', { as: 'stranger' });
  await server.request('GET', '/api/v1/nodes', { as: 'node1' });
  await server.request('GET', '/api/v1/nodes', { as: 'nobody' });
  await server.request('DELETE', `${configMaps}/audited`, { headers: { 'impersonate-user': 'ann' } });
  await server.request('GET', '/healthz', { as: 'nobody' });
  const file = join(server.directory, 'audit.log');
  const text = () => readFileSync(file, 'utf8');
  await expect.poll(() => text().split('\n').length, { timeout: 5_000 }).toBeGreaterThan(4);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(text()).not.toContain('do-not-tell');
  const events = text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditEvent);
  const told = events.map((event) => [
    event.verb,
    event.user.username,
    event.impersonatedUser?.username,
    event.objectRef?.resource,
    event.responseStatus.code,
    event.annotations['authorization.k8s.io/decision'],
  ]);
  expect(told).toEqual([
    ['create', 'system:admin', undefined, 'configmaps', 201, 'allow'],
    ['list', 'stranger', undefined, 'secrets', 403, 'forbid'],
    ['list', undefined, undefined, 'nodes', 401, 'forbid'],
    ['delete', 'system:admin', 'ann', 'configmaps', 403, 'forbid'],
  ]);
  expect(events[0]).toMatchObject({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    stage: 'ResponseComplete',
    requestURI: configMaps,
  });
});

test('a noisy client is told to wait, and the others do not notice', async () => {
  const server = await start({ fairness: { queued: 16, running: 8 } });
  await Promise.all(Array.from({ length: 300 }, (_, at) => put(server, `c${at}`)));
  const grant = (user: string) =>
    server.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: {
        metadata: { name: user },
        roleRef: { kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
      },
    });
  await Promise.all(['stranger', 'quiet'].map(grant));
  const connection = loadKubeconfig(server.kubeconfig);
  let stop = false;
  const codes = new Map<number, number>();
  let retryAfter: unknown;
  const noisy = Array.from({ length: 60 }, async () => {
    while (!stop) {
      const answer = await server.request('GET', configMaps, { as: 'stranger' });
      codes.set(answer.code, (codes.get(answer.code) ?? 0) + 1);
      retryAfter ??= answer.headers['retry-after'];
      if (answer.code === 429) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
  const agent = new https.Agent({
    keepAlive: true,
    ca: connection.ca ?? '',
    cert: connection.cert ?? '',
    key: connection.key ?? '',
  });
  const took: number[] = [];
  for (let at = 0; at < 25; at++) {
    const before = performance.now();
    const code = await new Promise<number>((resolve, reject) => {
      const path = `${server.url()}${configMaps}/c${at}`;
      const outgoing = https.get(path, { agent, headers: { 'impersonate-user': 'quiet' } }, (answer) => {
        answer.resume();
        answer.on('end', () => resolve(answer.statusCode ?? 0));
      });
      outgoing.on('error', reject);
    });
    took.push(performance.now() - before);
    expect(code).toBe(200);
  }
  stop = true;
  await Promise.all(noisy);
  agent.destroy();
  expect(codes.get(429)).toBeGreaterThan(0);
  expect(codes.get(200)).toBeGreaterThan(0);
  expect(retryAfter).toBe('1');
  // Client and server share this process, and the noisy client's reading counts as well; in its turn it takes far longer.
  expect(took.toSorted((a, b) => a - b)[20]).toBeLessThan(1_000);
});

test('a backup of the running server comes back, whole, and time does not go back', async () => {
  const server = await start();
  const store = join(server.directory, 'store.db');
  await put(server, 'kept');
  const file = join(server.directory, 'backup.db');
  const copy = await backUp({ store, kubeconfig: server.kubeconfig }, file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(`${file}.sha256`, 'utf8')).toBe(`${copy.sha256}  backup.db\n`);
  await put(server, 'lost');
  await expect(backUp({ store, kubeconfig: server.kubeconfig }, file)).rejects.toThrow('is there already');
  await expect(restore(file, store)).rejects.toThrow('patchbay down --keep-state');
  const before = await server.request('GET', configMaps);
  const seen = (before.body['metadata'] as { resourceVersion: string }).resourceVersion;
  await server.stopped(async () => {
    await restore(file, store);
  });
  const names = async () =>
    ((await server.request('GET', configMaps)).body['items'] as { metadata: { name: string } }[]).map(
      ({ metadata }) => metadata.name,
    );
  expect(await names()).toEqual(['kept']);
  const made = await put(server, 'after');
  const { resourceVersion } = made.body['metadata'] as { resourceVersion: string };
  expect(Number(resourceVersion)).toBeGreaterThan(Number(seen));
  const [event] = await server.watch(
    `${configMaps}?watch=true&resourceVersion=${seen}`,
    (events) => events.length > 0,
  );
  expect(event).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  expect(existsSync(`${store}.before-restore`)).toBe(true);
});

test('a server that is down is copied as well; damaged copies are refused and change nothing', async () => {
  const server = await start();
  const store = join(server.directory, 'store.db');
  const file = join(server.directory, 'cold.db');
  await put(server, 'one');
  await server.stopped(async () => {
    await backUp({ store, kubeconfig: server.kubeconfig }, file);
    const good = readFileSync(file);
    const intact = readFileSync(store);
    appendFileSync(file, 'x');
    await expect(restore(file, store)).rejects.toThrow('its sha256 is not the one');
    writeFileSync(`${file}.sha256`, '');
    const damaged = Buffer.from(good);
    const at = damaged.indexOf('"name":"one"');
    damaged.write('"name":"two"', at);
    const unchecked = join(server.directory, 'unchecked.db');
    writeFileSync(unchecked, damaged);
    await expect(restore(unchecked, store)).rejects.toThrow('the checksum of revision');
    writeFileSync(unchecked, good);
    truncateSync(unchecked, good.length / 2);
    await expect(restore(unchecked, store)).rejects.toThrow(/damaged/);
    writeFileSync(unchecked, 'no database at all, but text');
    await expect(restore(unchecked, store)).rejects.toThrow(/damaged/);
    expect(readFileSync(store).equals(intact)).toBe(true);
  });
  expect((await server.request('GET', `${configMaps}/one`)).code).toBe(200);
});

test('nobody but an administrator gets a backup', async () => {
  const server = await start();
  expect((await server.request('POST', '/backup', { as: 'stranger' })).code).toBe(403);
  expect((await server.request('POST', '/backup', { as: 'node1' })).code).toBe(403);
  expect((await server.request('GET', '/backup')).code).toBe(405);
});

test('the end does not wait for clients that only keep their connection', async () => {
  const server = await start();
  await put(server, 'there');
  let seen = 0;
  const watching = server.watch(`${configMaps}?watch=true`, (events) => {
    seen = events.length;
    return false;
  });
  await expect.poll(() => seen).toBe(1);
  await server.request('GET', '/version');
  const before = performance.now();
  await server.stopped(async () => {
    expect(performance.now() - before).toBeLessThan(2_000);
  });
  expect((await watching).map(({ type }) => type)).toEqual(['ADDED']);
});

test('a watch from before compaction is told 410, an old list as well', async () => {
  const clock = new FakeClock(Date.now());
  const server = await start({ kinds, clock });
  const first = await put(server, 'a');
  const { resourceVersion: old } = first.body['metadata'] as { resourceVersion: string };
  await put(server, 'b');
  await clock.advance(7 * 60_000);
  const events = () =>
    server.watch(
      `${configMaps}?watch=true&resourceVersion=${old}&timeoutSeconds=1`,
      (seen) => seen.length > 0,
    );
  await expect
    .poll(async () => (await events())[0], { timeout: 10_000 })
    .toMatchObject({ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } });
  const listed = await server.request(
    'GET',
    `${configMaps}?resourceVersion=${old}&resourceVersionMatch=Exact`,
  );
  expect([listed.code, listed.body['reason']]).toEqual([410, 'Expired']);
});
