/** `process_*` as every Prometheus client library has them (proc(5)). */
import { readdirSync, readFileSync } from 'node:fs';
import { type Metric, Reading } from '#machinery/prometheus.ts';

const bytesPerPage = 4096;

/** Metrics of this process. */
export function processMetrics(): readonly Metric[] {
  const started = Date.now() / 1000 - process.uptime();
  const one = (name: string, help: string, read: () => number, type: 'counter' | 'gauge' = 'gauge') =>
    new Reading(name, help, type, [], () => [[[], read()]]);
  return [
    one(
      'process_cpu_seconds_total',
      'Total user and system CPU time spent in seconds.',
      () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
      'counter',
    ),
    one('process_resident_memory_bytes', 'Resident memory size in bytes.', () => process.memoryUsage.rss()),
    one('process_virtual_memory_bytes', 'Virtual memory size in bytes.', virtualMemory),
    one(
      'process_start_time_seconds',
      'Start time of the process since unix epoch in seconds.',
      () => started,
    ),
    one('process_open_fds', 'Number of open file descriptors.', () => readdirSync('/proc/self/fd').length),
    one('process_max_fds', 'Maximum number of open file descriptors.', maxFiles),
  ];
}

function virtualMemory(): number {
  return Number(readFileSync('/proc/self/statm', 'utf8').split(' ', 1)[0]) * bytesPerPage;
}

function maxFiles(): number {
  const [, soft = '0'] =
    /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === 'unlimited' ? -1 : Number(soft);
}
