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

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'node_modules/.bin');
// Vitest starts by its `env node` line: the pinned Node must be the first on the path.
const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
const scratch = mkdtempSync(path.join(tmpdir(), 'patchbay-test-'));
const total: Tally = { passed: 0, failed: 0, skipped: 0 };

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
  const report = path.join(scratch, `${name}.json`);
  const status = run('vitest', [
    'run',
    '--project',
    name,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const tally = readReport(report);
  count(tally);
  if (status !== 0 && tally.failed === 0) {
    count({ failed: 1 }); // a file that could not be loaded, an unhandled error
  }
}

function readReport(file: string): Tally {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(file, 'utf8'),
    ) as Record<string, number>;
    return {
      passed: numPassedTests ?? 0,
      failed: numFailedTests ?? 0,
      skipped: (numPendingTests ?? 0) + (numTodoTests ?? 0),
    };
  } catch (error) {
    console.error(`no report of ${file}: ${String(error)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

const before = inventory();
const checks = run('node', ['tools/check.ts']);
count(checks === 0 ? { passed: 1 } : { failed: 1 });
for (const name of ['unit', 'integration', 'e2e']) {
  project(name);
}
const left = leftBehind(before, inventory());
count(left.length === 0 ? { passed: 1 } : { failed: 1 });
for (const line of left) {
  console.error(`left behind: ${line}`);
}
rmSync(scratch, { recursive: true });
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
