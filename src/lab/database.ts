/** OVSDB files of the lab's daemons. */
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { run } from '#drivers/command.ts';

/**
 * Creates a database that is not there. It gets its name when it is whole: what a kill in the middle leaves would keep
 * its server from ever starting. `as` is put before the command.
 */
export async function createDatabase(
  file: string,
  schema: string,
  as: readonly string[] = [],
): Promise<void> {
  if (existsSync(file)) {
    return;
  }
  const begun = `${file}.new`;
  await rm(begun, { force: true });
  await run([...as, 'ovsdb-tool', 'create', begun, schema]);
  await rename(begun, file);
}
