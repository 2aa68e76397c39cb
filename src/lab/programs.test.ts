import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { builtPrograms, ownSources, type Programs, type Sources } from './programs.ts';

const entries = { hello: 'src/bin/hello.ts' };
const files = {
  'package.json': JSON.stringify({ type: 'module', imports: { '#*': './src/*' } }),
  'package-lock.json': '{}',
  'src/bin/hello.ts': `import { greeting } from '#words/greeting.ts';
const name: string = process.argv[2] ?? '';
console.log(greeting(name));
if (name === 'me') setInterval(() => undefined, 1000);`,
  'src/words/greeting.ts': `import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const text = readFileSync(new URL('./text.txt', import.meta.url), 'utf8');
export function greeting(name: string): string {
  const { loud } = createRequire(import.meta.url)('needed') as { loud(text: string): string };
  return loud(\`\${text} \${name}\`);
}`,
  'src/words/text.txt': 'hello',
  'node_modules/needed/package.json': '{ "name": "needed", "main": "index.js" }',
  'node_modules/needed/index.js': 'exports.loud = (text) => text.toUpperCase();',
};

let directory: string;
let sources: Sources;
let builds: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'programs-'));
  chmodSync(directory, 0o755);
  builds = path.join(directory, 'builds');
  const root = path.join(directory, 'home/patchbay');
  sources = { node: process.execPath, root };
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
  }
});

afterEach(() => rmSync(directory, { recursive: true }));

const built = (from = sources): Promise<Programs> => builtPrograms(builds, entries, from);
const hello = ({ node, root }: Programs): string =>
  execFileSync(node, [path.join(root, 'bin/hello.js'), 'you'], { encoding: 'utf8' });
const change = (): void =>
  writeFileSync(path.join(sources.root, 'src/words/text.txt'), `hello ${'again '.repeat(count++)}`);
let count = 1;

describe('builtPrograms', () => {
  test('makes programs that need nothing of their tree, and that everybody can read', async () => {
    const mask = process.umask(0o077);
    const programs = await built();
    process.umask(mask);
    rmSync(sources.root, { recursive: true });
    expect(hello(programs)).toBe('HELLO YOU\n');
    expect(programs.node).toBe(process.execPath);
    const entry = (name: string): number => statSync(path.join(programs.root, name)).mode & 0o777;
    expect(globSync('**/*', { cwd: programs.root }).map(entry)).not.toContain(0o700);
    expect([entry(''), entry('bin'), entry('compiled'), entry('bin/hello.js')]).toEqual([
      0o755, 0o755, 0o755, 0o644,
    ]);
  });

  test('copies a Node that others cannot reach', async () => {
    const node = path.join(directory, 'home/node');
    cpSync(process.execPath, node);
    chmodSync(path.join(directory, 'home'), 0o700);
    const programs = await built({ ...sources, node });
    expect(programs.node.startsWith(builds)).toBe(true);
    expect(hello(programs)).toBe('HELLO YOU\n');
    expect(await built({ ...sources, node })).toEqual(programs);
  });

  test('finds what is built while nothing changes, and builds anew when a file of the sources does', async () => {
    const first = await built();
    expect(await built()).toEqual(first);
    change();
    const second = await built();
    expect(second).not.toEqual(first);
    expect(hello(second)).toBe('HELLO AGAIN  YOU\n');
  });

  test('two at a time make the same', async () => {
    const [one, two] = await Promise.all([built(), built()]);
    expect(two).toEqual(one);
    expect(globSync('*', { cwd: builds })).toEqual([path.basename(one.root)]);
  });

  test('drops what is old, and not what something runs from', async () => {
    const roots: string[] = [];
    const build = async (): Promise<void> => {
      change();
      roots.push((await built()).root);
    };
    await build();
    await build();
    const child = spawn(process.execPath, [path.join(roots[0] ?? '', 'bin/hello.js'), 'me']);
    await once(child.stdout, 'data');
    for (let more = 0; more < 3; more += 1) await build();
    expect(roots.map((root) => existsSync(root))).toEqual([true, false, true, true, true]);
    child.kill();
    await once(child, 'exit');
    await build();
    expect(roots.map((root) => existsSync(root))).toEqual([false, false, false, true, true, true]);
  });
});

test('our own tree is found', () => {
  expect(statSync(path.join(ownSources.root, 'package.json')).isFile()).toBe(true);
});
