import { chown, open, rename, rm } from 'node:fs/promises';
import type { KeyPair } from './certificates.ts';

/** Numeric owner of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Writes a file that only its owner may read (0600), whole or not at all, and on disk when it resolves. */
export async function writePrivateFile(path: string, text: string, owner?: Owner): Promise<void> {
  const temporary = `${path}.${process.pid}.new`;
  await rm(temporary, { force: true });
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (owner !== undefined) {
      await chown(temporary, owner.uid, owner.gid);
    }
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Writes `PREFIX.crt` and `PREFIX.key`, both 0600. */
export async function writeKeyPair(prefix: string, pair: KeyPair, owner?: Owner): Promise<void> {
  await writePrivateFile(`${prefix}.crt`, pair.cert, owner);
  await writePrivateFile(`${prefix}.key`, pair.key, owner);
}
