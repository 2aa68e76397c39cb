/** `npm run generate`: writes `deploy/crds` and removes what is no kind any more. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crdFiles } from './crd-files.ts';

const directory = join(import.meta.dirname, '..', 'deploy', 'crds');

await mkdir(directory, { recursive: true });
const files = crdFiles();
for (const name of await readdir(directory)) {
  if (name.endsWith('.yaml') && !files.has(name)) await rm(join(directory, name));
}
for (const [name, text] of files) await writeFile(join(directory, name), text);
process.stdout.write(`${files.size} definitions written to deploy/crds\n`);
