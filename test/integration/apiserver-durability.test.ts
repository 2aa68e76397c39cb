import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StoreError } from '#store/errors.ts';
import { LogFile } from '#store/log-file.ts';
import { Store } from '#store/store.ts';
import { startFixture } from './apiserver-fixture.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'patchbay-durability-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Lets a process write, kills it once it acknowledged `enough` writes, and returns what it acknowledged. */
function writeUntilKilled(path: string, run: number, enough: number): Promise<readonly string[]> {
  const script = new URL('./support/apiserver-writer.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, path, `run${run}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      text += chunk;
      if (text.split('\n').length > enough) {
        child.kill('SIGKILL');
      }
    });
    child.on('error', reject);
    child.on('close', () => resolve(text.split('\n').slice(0, -1)));
  });
}

test('what was acknowledged survives kill -9, revisions never go back, and the lock is free again', async () => {
  const path = join(directory, 'store.db');
  const acknowledged: string[] = [];
  let revision = 0;
  for (let run = 0; run < 5; run++) {
    acknowledged.push(...(await writeUntilKilled(path, run, 20 + run * 37)));
    const store = new Store({ path });
    const values = new Set([...store.list({ resource: 'r' })].map((entry) => entry.value));
    expect(acknowledged.filter((value) => !values.has(value))).toEqual([]);
    expect(store.revision).toBeGreaterThanOrEqual(Math.max(revision, values.size));
    revision = store.revision;
    store.close();
  }
  expect(acknowledged.length).toBeGreaterThan(400);
});

test.skipIf(process.getuid?.() !== 0)(
  'a full disk refuses writes, loses nothing, and takes writes again once there is room',
  async () => {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'patchbay-test', directory]);
    try {
      const store = new Store({ path: join(directory, 'store.db') });
      const put = (name: string, size: number) =>
        store.put({ key: { resource: 'r', namespace: '', name }, encode: () => 'x'.repeat(size) });
      let stored = 0;
      const fill = async (): Promise<void> => {
        for (;;) {
          await put(`n${stored}`, 50_000);
          stored += 1;
        }
      };
      await expect(fill()).rejects.toMatchObject({ reason: 'StorageFull' });
      expect([stored > 5, [...store.list({ resource: 'r' })].length]).toEqual([true, stored]);
      execFileSync('mount', ['-o', 'remount,size=8m', directory]);
      await put('after', 50_000);
      store.close();
      const again = new Store({ path: join(directory, 'store.db') });
      expect(again.count('r')).toBe(stored + 1);
      again.close();
    } finally {
      execFileSync('umount', [directory]);
    }
  },
);

test('a refusal never tells of a write that then was not stored', async () => {
  const server = await startFixture();
  const { append } = LogFile.prototype;
  try {
    const path = '/api/v1/namespaces/default/configmaps';
    const made = await server.request('POST', path, { body: { metadata: { name: 'a' } } });
    const { resourceVersion } = made.body['metadata'] as { resourceVersion: string };
    const put = (data: object, metadata: object) =>
      server.request('PUT', `${path}/a`, { body: { metadata: { name: 'a', ...metadata }, data } });
    // Connections that are open already: all requests reach the server in one turn of the event loop.
    await Promise.all(Array.from({ length: 20 }, () => server.request('GET', path)));
    // Nothing can be stored: who comes behind a write on its way must not be told that it conflicts with that one.
    LogFile.prototype.append = () => {
      throw new StoreError('StorageFull', 'no room');
    };
    const wanted = Array.from({ length: 20 }, (_, at) => (at === 0 ? {} : { resourceVersion }));
    const answers = await Promise.all(wanted.map((metadata, at) => put({ n: String(at) }, metadata)));
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([507]));
    LogFile.prototype.append = append;
    expect((await put({ n: '4' }, { resourceVersion })).code).toBe(200);
  } finally {
    LogFile.prototype.append = append;
    await server.close();
  }
});
