/** Writes objects into a store as fast as it can and prints the name of each one that was acknowledged, until it is killed. */
import { writeSync } from 'node:fs';
import { Store } from '#store/store.ts';

const store = new Store({ path: process.argv[2] ?? '' });
const run = process.argv[3] ?? '';
let next = 0;

async function writer(): Promise<void> {
  for (;;) {
    const name = `${run}-${next++}`;
    const encode = (revision: number) => `${name}@${revision}`;
    const { revision } = await store.put({
      key: { resource: 'r', namespace: '', name },
      expected: 0,
      encode,
    });
    writeSync(1, `${name}@${revision}\n`);
  }
}

await Promise.all(Array.from({ length: 8 }, writer));
