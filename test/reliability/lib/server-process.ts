/**
 * An embedded API server as a process of its own, to be killed: `node [--import BUG] server-process.ts CONFIG`. Tells its
 * parent by IPC when it serves, and ends with it.
 */
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { kinds } from '#api/kinds.ts';
import { type ApiServerOptions, startApiServer } from '#apiserver/server.ts';
import type { Clock } from '#machinery/clock.ts';
import { silentLog } from '#machinery/log.ts';

/** What the process is told. */
export interface ProcessConfig extends Pick<ApiServerOptions, 'storePath' | 'listen' | 'tls'> {
  /** How much faster than the machine's clock the server's runs: history is compacted and bookmarks are sent sooner. */
  readonly speed: number;
}

/** What it says: at first that it serves or why not, and when asked anything, what `Object.prototype` has. */
export type ProcessMessage =
  | { readonly url: string }
  | { readonly error: string }
  | { readonly prototypeKeys: readonly string[] };

function fastClock(speed: number): Clock {
  const start = Date.now();
  return {
    now: () => start + (Date.now() - start) * speed,
    setTimer: (callback, ms) => {
      const timer = setTimeout(callback, Math.min(ms / speed, 2_147_483_647));
      timer.unref();
      return () => clearTimeout(timer);
    },
  };
}

function tell(message: ProcessMessage): void {
  process.send?.(message);
}

const { speed, ...config } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProcessConfig;
process.on('disconnect', () => process.exit(0));
try {
  const server = await startApiServer({
    kinds,
    log: silentLog,
    ...(speed === 1 ? {} : { clock: fastClock(speed) }),
    ...config,
  });
  process.on('message', () => tell({ prototypeKeys: Reflect.ownKeys(Object.prototype).map(String) }));
  process.on('SIGTERM', () => void server.close().then(() => process.exit(0)));
  // Who is killed writes nothing at its end.
  flushCompileCache();
  tell({ url: server.urls[0] ?? '' });
} catch (error) {
  tell({ error: error instanceof Error ? `${error.message} ${String(error.cause ?? '')}` : String(error) });
  process.exitCode = 1;
  process.disconnect();
}
