import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockHolder, ownProcess, takeLock, writePidFile } from './lock.ts';
import { isRunning, readPidFile, viewProcess } from './process.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'patchbay-lock-'));
  file = path.join(directory, 'lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a lock is held until released, and leaves no file behind', () => {
  const first = takeLock(file);
  expect(takeLock(file)).toEqual({ holder: ownProcess() });
  expect(lockHolder(file)).toEqual(ownProcess());
  if ('release' in first) {
    first.release();
  }
  expect(readdirSync(directory)).toEqual([]);
  expect('release' in takeLock(file)).toBe(true);
});

test.each([
  ['of a process that is gone', () => '999999999 1\n'],
  ['of a pid that now is another process', () => `${process.pid} 1\n`],
  ['that is empty', () => ''],
])('a lock file %s is taken over', (_, text) => {
  writeFileSync(file, text());
  expect('release' in takeLock(file)).toBe(true);
  expect(lockHolder(file)).toEqual(ownProcess());
});

test('a pid file names a process with its start time', () => {
  writePidFile(file, ownProcess());
  const noted = readPidFile(file);
  expect(noted).toEqual(ownProcess());
  expect(isRunning(ownProcess())).toBe(true);
  expect(isRunning({ ...ownProcess(), startTime: '1' })).toBe(false);
  expect(viewProcess(process.pid)).toMatchObject({ pid: process.pid, program: 'node' });
});
