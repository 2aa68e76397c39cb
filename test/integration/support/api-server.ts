/** A real embedded API server with its own authority and store, for integration tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kinds } from '#api/kinds.ts';
import { startApiServer } from '#apiserver/server.ts';
import { createAuthority, issueCertificate } from '#certs/certificates.ts';
import { renderKubeconfig } from '#certs/kubeconfig.ts';
import { silentLog } from '#machinery/log.ts';

/** A running server and the way to end it. */
export interface TestApiServer {
  /** Kubeconfig of an administrator. */
  readonly kubeconfig: string;
  /** Ends the server; the store stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port and store. */
  restart(): Promise<void>;
  /** Ends the server and removes everything it made. */
  remove(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startTestApiServer(): Promise<TestApiServer> {
  const directory = await mkdtemp(join(tmpdir(), 't-controllers-'));
  const authority = await createAuthority('test');
  const serving = await issueCertificate(authority, {
    commonName: 'test',
    names: ['127.0.0.1'],
    usage: 'server',
  });
  const admin = await issueCertificate(authority, {
    commonName: 'system:admin',
    organizations: ['system:masters'],
    usage: 'client',
  });
  const start = (port: number) =>
    startApiServer({
      kinds,
      storePath: join(directory, 'store.db'),
      listen: [{ host: '127.0.0.1', port }],
      tls: { ...serving, ca: authority.cert },
      log: silentLog,
    });
  let server = await start(0);
  const [url = ''] = server.urls;
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, renderKubeconfig({ name: 'test', server: url, ca: authority.cert, ...admin }), {
    mode: 0o600,
  });
  return {
    kubeconfig,
    stop: () => server.close(),
    async restart() {
      server = await start(Number(new URL(url).port));
    },
    async remove() {
      await server.close();
      await rm(directory, { recursive: true });
    },
  };
}
