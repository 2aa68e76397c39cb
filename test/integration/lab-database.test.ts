import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from '#drivers/command.ts';
import { createDatabase } from '#lab/database.ts';

const schema = '/usr/share/openvswitch/vswitch.ovsschema';
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'patchbay-database-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('a creation that was killed in the middle is begun again, and a database that is there is kept', async () => {
  const file = path.join(directory, 'conf.db');
  await writeFile(`${file}.new`, 'OVSDB JSON 15');
  await createDatabase(file, schema);
  await createDatabase(file, '/nonexistent');
  expect((await run(['ovsdb-tool', 'db-name', file])).stdout.trim()).toBe('Open_vSwitch');
  expect((await readdir(directory)).filter((name) => !name.startsWith('.'))).toEqual(['conf.db']);
});
