/**
 * A tenant as a process of its own: `node tenant.ts CONFIG`. Sends GETs and reports by IPC what it got, until its parent
 * says stop.
 */
import { readFileSync } from 'node:fs';
import * as https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';

/** What it does. */
export interface TenantConfig {
  readonly url: string;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly paths: readonly string[];
  readonly clients: number;
  /** Milliseconds between the starts of a client's requests; 0: one after another without a pause. */
  readonly everyMs: number;
  /** At most; then it stops by itself. */
  readonly seconds: number;
}

/** What it got. */
export interface TenantReport {
  readonly codes: Readonly<Record<string, number>>;
  /** Milliseconds that answers took, for all but 429. */
  readonly took: readonly number[];
  /** Answers 429 without a Retry-After. */
  readonly unadvised: number;
}

const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as TenantConfig;
const agent = new https.Agent({
  keepAlive: true,
  maxSockets: config.clients,
  ca: config.ca,
  cert: config.cert,
  key: config.key,
});
const codes: Record<string, number> = {};
const took: number[] = [];
let unadvised = 0;
let stopped = false;
const deadline = performance.now() + config.seconds * 1_000;

function get(path: string): Promise<void> {
  return new Promise((resolve) => {
    const started = performance.now();
    const note = (code: string): void => {
      codes[code] = (codes[code] ?? 0) + 1;
      if (code !== '429') {
        took.push(performance.now() - started);
      }
      resolve();
    };
    const outgoing = https.get(`${config.url}${path}`, { agent }, (answer) => {
      answer.resume();
      answer.on('end', () => {
        const code = String(answer.statusCode);
        unadvised += code === '429' && answer.headers['retry-after'] === undefined ? 1 : 0;
        note(code);
      });
      answer.on('error', () => note('cut'));
    });
    outgoing.on('error', () => note('none'));
  });
}

async function client(at: number): Promise<void> {
  for (let round = at; !stopped && performance.now() < deadline; round++) {
    const next = performance.now() + config.everyMs;
    await get(config.paths[round % config.paths.length] ?? '/');
    if (config.everyMs > 0) {
      await pause(Math.max(0, next - performance.now()));
    }
  }
}

process.on('message', () => {
  stopped = true;
});
process.on('disconnect', () => process.exit(0));
await Promise.all(Array.from({ length: config.clients }, (_, at) => client(at)));
const report: TenantReport = { codes, took, unadvised };
process.send?.(report, () => process.exit(0));
