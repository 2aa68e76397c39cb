import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ownSources, readableSources, type Sources } from './sources.ts';

let directory: string;
let sources: Sources;
let copies: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'sources-'));
  chmodSync(directory, 0o755);
  copies = path.join(directory, 'copies');
  const root = path.join(directory, 'home/patchbay');
  for (const folder of ['src/bin', 'node_modules/needed/lib', 'node_modules/tool']) {
    mkdirSync(path.join(root, folder), { recursive: true, mode: 0o755 });
  }
  const lock = {
    packages: {
      '': {},
      'node_modules/needed': {},
      'node_modules/tool': { dev: true },
      'node_modules/absent': {},
    },
  };
  const files = {
    'package.json': '{}',
    'package-lock.json': JSON.stringify(lock),
    'src/bin/control-plane.ts': 'export {};',
    'node_modules/needed/lib/index.js': '1',
    'node_modules/tool/index.js': '2',
  };
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(root, name), text, { mode: 0o600 });
  }
  chmodSync(path.join(root, 'src/bin/control-plane.ts'), 0o644);
  sources = { node: process.execPath, root };
});

afterEach(() => rmSync(directory, { recursive: true }));

function hide(): void {
  chmodSync(path.join(directory, 'home'), 0o700);
}

describe('readableSources', () => {
  test('is the tree itself when everybody may read it', () => {
    expect(readableSources(copies, sources)).toEqual(sources);
  });

  test('is a copy of what runs, readable by all, when a directory above is private', () => {
    hide();
    const copy = readableSources(copies, sources);
    expect(copy.root.startsWith(copies)).toBe(true);
    expect(readdirSync(path.join(copy.root, 'node_modules'))).toEqual(['needed']);
    expect(readFileSync(path.join(copy.root, 'node_modules/needed/lib/index.js'), 'utf8')).toBe('1');
    expect(statSync(path.join(copy.root, 'package.json')).mode & 0o777).toBe(0o644);
    expect(execFileSync(copy.node, ['--version']).toString()).toBe(`${process.version}\n`);
  });

  test('keeps the copy while nothing changes, and makes another when a source does', () => {
    hide();
    const first = readableSources(copies, sources);
    expect(readableSources(copies, sources)).toEqual(first);
    writeFileSync(path.join(sources.root, 'src/bin/control-plane.ts'), 'export const changed = true;');
    expect(readableSources(copies, sources)).not.toEqual(first);
  });
});

test('our own tree is found', () => {
  expect(statSync(path.join(ownSources.root, 'package.json')).isFile()).toBe(true);
});
