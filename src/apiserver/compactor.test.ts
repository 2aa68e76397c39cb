import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '#machinery/fake-clock.ts';
import { silentLog } from '#machinery/log.ts';
import { Store } from '#store/store.ts';
import { compactor } from './compactor.ts';

it('bounds the log of a server that has just started: the one before may not have lived long enough', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-compactor-'));
  const store = new Store({ path: join(directory, 'store.db') });
  onTestFinished(() => {
    store.close();
    rmSync(directory, { recursive: true });
  });
  const key = { resource: 'configmaps', namespace: 'default', name: 'a' };
  for (let at = 1; at <= 10; at += 1) {
    await store.put({ key, encode: (revision) => `{"revision":${revision}}` });
  }
  const stop = compactor(store, new FakeClock(), silentLog, 4);
  onTestFinished(stop);
  expect(store.compactedRevision).toBe(6);
});
