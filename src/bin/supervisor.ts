/** The process that keeps control plane and agents running: `supervisor.ts --config FILE`. */
import { parseArgs } from 'node:util';
import { runSupervisor } from '#lab/supervisor.ts';

const { values } = parseArgs({ options: { config: { type: 'string', default: '' } } });
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => stop.abort());
}
process.on('SIGHUP', () => undefined); // outlives the terminal it was started from
const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
try {
  await runSupervisor(values.config, { signal: stop.signal, log });
} catch (error) {
  log(String(error));
  process.exitCode = 1;
}
