/** T08: one tenant lists without end through 200 clients; another one's ten requests a second must not notice. */
import { TestServer } from './lib/server.ts';
import type { TenantReport } from './lib/tenant.ts';
import { startTenant } from './lib/tenant-process.ts';
import { percentile, type Run, type Trial } from './lib/trial.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const objects = 1_000;

export const overloadTrial: Trial = {
  id: 'T08',
  title: 'a noisy tenant',
  bugs: ['first-come-first-served'],
  smoke: 1 / 45,
  async run(run) {
    const server = await TestServer.create({ bug: run.plan.bug });
    try {
      await server.start();
      await prepare(server);
      const seconds = run.scaled(90);
      if (run.plan.bug === undefined) {
        const alone = await inPeace(server);
        run.figure('B alone p99 ms', percentile(alone.took, 0.99));
      }
      const noisy = startTenant(server, 'tenantA', {
        paths: [configMaps],
        clients: 200,
        everyMs: 0,
        seconds: seconds + 10,
      });
      const quiet = startTenant(server, 'tenantB', {
        paths: [`${configMaps}/c1`, `${configMaps}/c2`, `${configMaps}?limit=10`],
        clients: 10,
        everyMs: 1_000,
        seconds,
      });
      const b = await quiet.report;
      noisy.stop();
      judge(run, await noisy.report, b);
    } finally {
      await server.remove();
    }
  },
};

async function prepare(server: TestServer): Promise<void> {
  const client = server.client();
  const body = (at: number) => ({ metadata: { name: `c${at}` }, data: { text: 'x'.repeat(500) } });
  await Promise.all(
    Array.from({ length: objects }, (_, at) => client.request('POST', configMaps, { body: body(at) })),
  );
  for (const name of ['tenant-a', 'tenant-b']) {
    await client.request('POST', '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
      body: {
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }],
      },
    });
  }
}

function inPeace(server: TestServer): Promise<TenantReport> {
  return startTenant(server, 'tenantB', {
    paths: [`${configMaps}/c1`],
    clients: 10,
    everyMs: 1_000,
    seconds: 1,
  }).report;
}

function judge(run: Run, a: TenantReport, b: TenantReport): void {
  run.figure('A answered', a.codes['200'] ?? 0);
  run.figure('A told 429', a.codes['429'] ?? 0);
  run.figure('B answered', b.codes['200'] ?? 0);
  run.figure('B p50 ms', percentile(b.took, 0.5));
  run.limit('B p99 ms', percentile(b.took, 0.99), 200);
  run.check(
    Object.keys(b.codes).join() === '200',
    () => `B got ${JSON.stringify(b.codes)}, allowed is 200 only`,
  );
  run.check((a.codes['429'] ?? 0) > 0, () => `A was never told 429: ${JSON.stringify(a.codes)}`);
  run.check(a.unadvised === 0, () => `${a.unadvised} answers 429 had no Retry-After`);
  run.check((a.codes['200'] ?? 0) > 0, () => 'A was starved');
  const odd = Object.keys(a.codes).filter((code) => code !== '200' && code !== '429');
  run.check(odd.length === 0, () => `A got ${JSON.stringify(a.codes)}`);
}
