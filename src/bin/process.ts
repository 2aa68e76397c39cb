/** What our long-lived processes begin with. */
import { readFileSync, statSync } from 'node:fs';
import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { parseArgs } from 'node:util';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';

/** A process with its configuration. */
export interface Process {
  /** `--config FILE`. */
  readonly configFile: string;
  /** Aborts at SIGTERM or SIGINT: end in order. */
  readonly signal: AbortSignal;
}

/** Reads the command line, and turns SIGTERM and SIGINT into an abort. To be called once everything is imported. */
export function beginProcess(): Process {
  restartCompiled();
  const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => stop.abort());
  }
  process.on('SIGHUP', () => undefined); // outlives the terminal it was started from
  return { configFile: values.config, signal: stop.signal };
}

/** Reads a JSON file. Throws when it cannot be read. */
export function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T;
}

/** Reads the files of a TLS server. Throws when one cannot be read. */
export function readTls(files: {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}): typeof files {
  const pem = (file: string): string => readFileSync(file, 'utf8');
  return { cert: pem(files.cert), key: pem(files.key), ca: pem(files.ca) };
}

/** The client's certificate of a kubeconfig. Throws when it has none. */
export function clientTls(kubeconfig: string): { cert: string; key: string; ca: string } {
  const { cert, key, ca } = loadKubeconfig(kubeconfig);
  if (cert === undefined || key === undefined || ca === undefined) {
    throw new Error(`${kubeconfig} has no client certificate, or no authority`);
  }
  return { cert, key, ca };
}

/**
 * A process that had to strip types itself keeps the 25 MB of the stripper for as long as it lives. So what was compiled
 * is written out, and if that was anything, the process replaces itself (same pid) by one that finds it compiled.
 */
function restartCompiled(): void {
  const cache = getCompileCacheDir();
  if (cache === undefined || process.env['PATCHBAY_COMPILED'] === '1' || process.execve === undefined) {
    return;
  }
  const before = statSync(cache).mtimeMs;
  flushCompileCache();
  if (statSync(cache).mtimeMs !== before) {
    const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
    process.execve(process.execPath, argv, { ...process.env, PATCHBAY_COMPILED: '1' });
  }
}
