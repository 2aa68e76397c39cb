/** T08: one tenant lists without end through 200 clients; another one's ten requests a second must not notice. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity, TestServer } from './lib/server.ts';
import { TestServer as Server } from './lib/server.ts';
import type { TenantConfig, TenantReport } from './lib/tenant.ts';
import { percentile, type Run, type Trial } from './lib/trial.ts';

const configMaps = '/api/v1/namespaces/default/configmaps';
const objects = 1_000;

export const overloadTrial: Trial = {
  id: 'T08',
  title: 'a noisy tenant',
  bugs: ['first-come-first-served'],
  smoke: 1 / 45,
  async run(run) {
    const server = await Server.create({ bug: run.plan.bug });
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

function startTenant(
  server: TestServer,
  identity: Identity,
  work: Pick<TenantConfig, 'paths' | 'clients' | 'everyMs' | 'seconds'>,
): { readonly report: Promise<TenantReport>; stop(): void } {
  const { cert, key } = server.pairs[identity];
  const config: TenantConfig = { url: server.url, ca: server.ca, cert, key, ...work };
  const file = join(server.directory, `${identity}.json`);
  const started = writeFile(file, JSON.stringify(config), { mode: 0o600 }).then(() =>
    fork(new URL('lib/tenant.ts', import.meta.url), [file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    }),
  );
  return {
    report: started.then(async (child) => {
      const [report] = await Promise.race([
        once(child, 'message'),
        once(child, 'exit').then(() => {
          throw new Error(`${identity} ended without a report`);
        }),
      ]);
      return report as TenantReport;
    }),
    stop: () => void started.then((child) => child.send('stop')),
  };
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
