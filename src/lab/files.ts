/** Makes directories and files with exact owners and modes, also inside directories that an unprivileged user owns. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  mkdirSync,
  openSync,
  renameSync,
  writeSync,
} from 'node:fs';
import { PatchbayError } from '#machinery/errors.ts';

/** Owner of a file. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const root: Owner = { uid: 0, gid: 0 };

/** Makes a directory (and its parents, 0755 of root) with this owner and mode. A symbolic link in its place is refused. */
export function ensureDirectory(directory: string, mode: number, owner: Owner = root): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    const found = fstatSync(fd);
    if (found.uid !== owner.uid || found.gid !== owner.gid) {
      fchownSync(fd, owner.uid, owner.gid);
    }
    fchmodSync(fd, mode);
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes a file whole or not at all, mode 0600. Made under a fresh name and moved into place: an unprivileged owner of
 * the directory cannot make root write through a link.
 */
export function writePrivateFile(file: string, text: string, owner: Owner = root): void {
  const temporary = `${file}.${randomBytes(6).toString('hex')}`;
  const fd = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeSync(fd, text);
    fchownSync(fd, owner.uid, owner.gid);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, file);
}

/** Throws a PatchbayError `NotRoot` for anybody but root. */
export function requireRoot(command: string): void {
  if (process.getuid?.() !== 0) {
    throw new PatchbayError(
      'NotRoot',
      `"patchbay ${command}" makes network namespaces and needs root; run it as root or with sudo`,
      { retryable: false },
    );
  }
}
