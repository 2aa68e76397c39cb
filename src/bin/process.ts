/** What our long-lived processes begin with. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Logger, pino } from 'pino';

/** A process with its configuration. */
export interface Process<Config> {
  readonly config: Config;
  readonly log: Logger;
  /** Aborts at SIGTERM or SIGINT: end in order. */
  readonly signal: AbortSignal;
}

/** Reads `--config FILE` (JSON), and turns SIGTERM and SIGINT into an abort. Throws when the file cannot be read. */
export function beginProcess<Config>(): Process<Config> {
  const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => stop.abort());
  }
  process.on('SIGHUP', () => undefined); // outlives the terminal it was started from
  const config = JSON.parse(readFileSync(values.config, 'utf8')) as Config;
  return { config, log: pino({ base: null }), signal: stop.signal };
}
