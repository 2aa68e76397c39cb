import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { AuditFile } from './audit-file.ts';

let directory: string;
const errors: object[] = [];
const log = {
  info: () => undefined,
  warn: () => undefined,
  error: (fields: object) => void errors.push(fields),
};

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'patchbay-audit-'));
  errors.length = 0;
});
afterEach(() => rmSync(directory, { recursive: true }));

it('keeps full files up to its bounds, the newest line last, mode 0600', () => {
  const path = join(directory, 'audit.log');
  for (let at = 0; at < 6; at++) {
    const file = new AuditFile(path, log, { fileBytes: 25, files: 2 });
    file.append(`line ${at} of ten`);
    file.close();
  }
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  expect(read('audit.log')).toBe('line 5 of ten\n');
  expect(read('audit.log.1')).toBe('line 4 of ten\n');
  expect(read('audit.log.2')).toBe('line 3 of ten\n');
  expect(existsSync(join(directory, 'audit.log.3'))).toBe(false);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it('appends to what is there', () => {
  const path = join(directory, 'audit.log');
  for (const line of ['a', 'b']) {
    const file = new AuditFile(path, log);
    file.append(line);
    file.close();
  }
  expect(readFileSync(path, 'utf8')).toBe('a\nb\n');
});

it('refuses to start where it cannot write', () => {
  expect(() => new AuditFile(join(directory, 'missing', 'audit.log'), log)).toThrow('ENOENT');
});

it('counts and tells lines that a full disk did not take', () => {
  const file = new AuditFile('/dev/full', log);
  file.append('a');
  file.append('b');
  file.close();
  expect([file.lost, errors.length]).toEqual([2, 1]);
});
