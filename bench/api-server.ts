/** The API server alone, started as the control plane starts it: `api-server.ts --config FILE`. Prints its address when it is ready. */
import { pino } from 'pino';
import { kinds } from '#api/kinds.ts';
import { startApiServer } from '#apiserver/server.ts';
import { beginProcess, readJson } from '#bin/process.ts';
import { readTls } from '#bin/tls.ts';

/** What `--config` holds. */
export interface ServerConfig {
  readonly storePath: string;
  readonly port: number;
  /** Files in PEM. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string };
}

const { configFile, signal } = beginProcess();
const { storePath, port, tls } = readJson<ServerConfig>(configFile);
const server = await startApiServer({
  kinds,
  storePath,
  listen: [{ host: '127.0.0.1', port }],
  tls: readTls(tls),
  log: pino({ base: null, level: 'warn' }),
});
process.stdout.write(`${server.urls[0] ?? ''}\n`);
await new Promise((resolve) => {
  signal.addEventListener('abort', resolve);
});
await server.close();
