/** Makes directories with exact owners and modes, and says who may call us. */
import { closeSync, constants, fchmodSync, fchownSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import type { Owner } from '#certs/files.ts';
import { PatchbayError } from '#machinery/errors.ts';

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
