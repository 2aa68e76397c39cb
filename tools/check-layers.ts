/** Fails when a room imports what the layer table (tools/layers.ts) forbids, or a folder has no room of the table. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type ImportOf, judgeImport } from './layers.ts';

const source = path.resolve(import.meta.dirname, '../src');
const pattern =
  /(?:^|\n)\s*(import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g;

/** Every import in one file of our own code, and of `node:http`. */
function importsOf(file: string): ImportOf[] {
  const text = readFileSync(path.join(source, file), 'utf8');
  return [...text.matchAll(pattern)].flatMap((match) => {
    const specifier = match[3] ?? match[4] ?? match[5] ?? '';
    const to = resolve(file, specifier);
    return to === undefined ? [] : [{ from: file, to, typeOnly: match[2] !== undefined }];
  });
}

function resolve(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('#')) {
    return specifier.slice(1);
  }
  if (specifier === 'node:http') {
    return specifier;
  }
  return specifier.startsWith('.') ? path.join(path.dirname(file), specifier) : undefined;
}

// Tests may reach for fakes and real parts of other rooms; what they test may not.
const files = globSync('**/*.{ts,tsx}', { cwd: source }).filter((file) => !/\.test\.tsx?$/.test(file));
const faults = files.flatMap(importsOf).flatMap((one) => judgeImport(one) ?? []);
for (const fault of faults) {
  console.error(fault);
}
console.log(`layers: ${files.length} files, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
