/** What our long-lived processes begin with. Only Node's own modules: the supervisor imports this file. */
import { readFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';

/** A process with its configuration. */
export interface Process {
  /** `--config FILE`. */
  readonly configFile: string;
  /** Aborts at SIGTERM or SIGINT: end in order. */
  readonly signal: AbortSignal;
}

/** Milliseconds after which a start is over, on a slow machine too. */
const startMs = 5_000;

/** Reads the command line, and turns SIGTERM and SIGINT into an abort. To be called once everything is imported. */
export function beginProcess(): Process {
  // Who is killed writes nothing at its end. By then what a start needs is compiled.
  setTimeout(flushCompileCache, startMs).unref();
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
