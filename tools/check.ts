/** `npm run check`: types, format, lint, layers, dead code; every check runs, the exit status tells whether all passed. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const bin = path.resolve(import.meta.dirname, '../node_modules/.bin');
const env = { ...process.env, PATH: `${bin}:${process.env['PATH'] ?? ''}` };
const checks: readonly (readonly [name: string, command: string, ...args: string[]])[] = [
  ['types', 'tsc', '-p', 'tsconfig.json'],
  ['format and lint', 'biome', 'check', '--error-on-warnings', '.'],
  ['typed lint', 'oxlint', '--type-aware', '--deny-warnings', 'src', 'test', 'tools', 'bench'],
  ['layers', 'node', 'tools/check-layers.ts'],
  ['dead code', 'knip', '--no-progress'],
];

let failed = 0;
for (const [name, command, ...args] of checks) {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(path.join(bin, command), args, { encoding: 'utf8', env });
  const passed = status === 0;
  failed += passed ? 0 : 1;
  console.log(`${passed ? 'ok  ' : 'FAIL'} ${name} (${Math.round(performance.now() - started)} ms)`);
  if (!passed) {
    console.log(stdout + stderr);
  }
}
process.exitCode = failed === 0 ? 0 : 1;
