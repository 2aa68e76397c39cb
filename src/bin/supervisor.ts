/** The process that keeps control plane and agents running: `supervisor.ts --config FILE`. */
import { runSupervisor } from '#lab/supervisor.ts';
import { beginProcess } from './process.ts';

const { configFile, signal } = beginProcess();
const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
try {
  await runSupervisor(configFile, { signal, log });
} catch (error) {
  log(String(error));
  process.exitCode = 1;
}
