/** Starts a tenant (`tenant.ts`) as a process of its own, so that what it measures is not what its parent does meanwhile. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Identity, TestServer } from './server.ts';
import type { TenantConfig, TenantReport } from './tenant.ts';

/** A running one. */
export interface Tenant {
  /** Resolves when it has stopped. Rejects when it ends otherwise. */
  readonly report: Promise<TenantReport>;
  stop(): void;
}

/** Has it work as that user until it is told to stop, or for the seconds given. */
export function startTenant(
  server: TestServer,
  identity: Identity,
  work: Pick<TenantConfig, 'paths' | 'clients' | 'everyMs' | 'seconds'>,
): Tenant {
  const { cert, key } = server.pairs[identity];
  const config: TenantConfig = { url: server.url, ca: server.ca, cert, key, ...work };
  const file = join(server.directory, `${identity}.json`);
  const started = writeFile(file, JSON.stringify(config), { mode: 0o600 }).then(() =>
    fork(new URL('tenant.ts', import.meta.url), [file], {
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
