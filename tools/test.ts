/** `npm test`: checks, then every Vitest project, then a look for leftovers. Last line: `N passed, N failed, N skipped`. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inventory, leftBehind } from './leftovers.ts';

interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

interface VitestReport {
  numPassedTests?: number;
  numFailedTests?: number;
  numPendingTests?: number;
  numTodoTests?: number;
  testResults?: {
    name: string;
    status: string;
    message?: string;
    /** Milliseconds since 1970. */
    startTime: number;
    endTime: number;
    assertionResults?: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules/.bin');
// Vitest starts by its `env node` line: the pinned Node must be the first on the path.
const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
const scratch = mkdtempSync(path.join(tmpdir(), 'patchbay-test-'));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };
/** What failed, said again at the end: of a long log often only the end is kept. */
const failures: string[] = [];
/** Seconds that each test file took. */
const seconds = new Map<string, number>();

function count(tally: Partial<Tally>): void {
  total.passed += tally.passed ?? 0;
  total.failed += tally.failed ?? 0;
  total.skipped += tally.skipped ?? 0;
}

function run(command: string, args: readonly string[]): number {
  return spawnSync(path.join(bin, command), args, { cwd: root, env, stdio: 'inherit' }).status ?? 1;
}

/** Runs one Vitest project; a project that ends without a report counts as a failure. */
function project(name: string): void {
  const reportFile = path.join(scratch, `${name}.json`);
  const status = run('vitest', [
    'run',
    '--project',
    name,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${reportFile}`,
  ]);
  const report = readReport(reportFile);
  const tally: Tally = {
    passed: report.numPassedTests ?? 0,
    failed: report.numFailedTests ?? 0,
    skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
  };
  count(tally);
  failures.push(...failuresOf(name, report));
  for (const file of report.testResults ?? []) {
    seconds.set(path.relative(root, file.name), Math.round((file.endTime - file.startTime) / 1000));
  }
  if (status !== 0 && tally.failed === 0) {
    count({ failed: 1 }); // a file that could not be loaded, an unhandled error
    failures.push(`${name}: Vitest ended with ${status}, though no test failed`);
  }
}

function readReport(file: string): VitestReport {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch (error) {
    failures.push(`no report of ${file}: ${String(error)}`);
    return { numFailedTests: 1 };
  }
}

/** One entry for each failed test and each file that could not be run, with the first lines of its message. */
function failuresOf(name: string, report: VitestReport): string[] {
  return (report.testResults ?? []).flatMap((file) => {
    const failed = (file.assertionResults ?? []).filter((test) => test.status === 'failed');
    const where = `${name}: ${path.relative(root, file.name)}`;
    const inFile =
      failed.length === 0 && file.status === 'failed' ? [`${where}: ${head(file.message ?? '')}`] : [];
    return [
      ...inFile,
      ...failed.map((test) => `${where} > ${test.fullName}: ${head(test.failureMessages.join('\n'))}`),
    ];
  });
}

function head(message: string): string {
  return message.split('\n').slice(0, 12).join('\n    ');
}

const before = inventory();
const checks = run('node', ['tools/check.ts']);
count(checks === 0 ? { passed: 1 } : { failed: 1 });
if (checks !== 0) {
  failures.push('checks: see the beginning of the output');
}
for (const name of ['unit', 'integration', 'e2e']) {
  project(name);
}
const left = leftBehind(before, inventory());
count(left.length === 0 ? { passed: 1 } : { failed: 1 });
failures.push(...left.map((line) => `left behind: ${line}`));
rmSync(scratch, { recursive: true });
const slowest = [...seconds].sort(([, one], [, other]) => other - one).slice(0, 12);
console.log(`slowest files: ${slowest.map(([file, took]) => `${file} ${took} s`).join(', ')}`);
for (const failure of failures) {
  console.error(`✗ ${failure}`);
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
