/** Backups of an instance's store: through its API server while that runs, from its file otherwise. */
import { createWriteStream, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PatchbayError } from '#machinery/errors.ts';
import { HttpTransport } from '#machinery/http-transport.ts';
import { loadKubeconfig } from '#machinery/kubeconfig.ts';
import { type CopyContent, copyStopped, restoreCopy, type StoreCopy, sha256Of } from '#store/backup.ts';

/** Where an instance keeps its objects. */
export interface StorePlace {
  readonly store: string;
  /** The admin's. */
  readonly kubeconfig: string;
}

/**
 * Writes a copy to `file`, mode 0600, and its digest to `file.sha256`, as `sha256sum -c` reads it.
 * Throws PatchbayError: `FileExists`, `BackupDamaged` when less arrived than was sent, or why no copy could be made.
 */
export async function backUp(place: StorePlace, file: string): Promise<StoreCopy> {
  if (existsSync(file)) {
    throw new PatchbayError('FileExists', `${file} is there already: name another file, or remove it first`, {
      retryable: false,
    });
  }
  const part = `${file}.part`;
  rmSync(part, { force: true });
  try {
    const copy = (await fetchCopy(place, part)) ?? (await copyStopped(place.store, part));
    writeFileSync(`${file}.sha256`, `${copy.sha256}  ${path.basename(file)}\n`, { mode: 0o600 });
    renameSync(part, file);
    return { ...copy, path: file };
  } finally {
    rmSync(part, { force: true });
  }
}

/** Asks the server for a copy; undefined when none runs. */
async function fetchCopy({ kubeconfig }: StorePlace, target: string): Promise<StoreCopy | undefined> {
  const transport = new HttpTransport(loadKubeconfig(kubeconfig));
  try {
    const answer = await ask(transport);
    if (answer === undefined) {
      return undefined;
    }
    await pipeline(answer, createWriteStream(target, { mode: 0o600, flags: 'wx', flush: true }));
    const sha256 = await sha256Of(target);
    const { headers } = answer;
    if (sha256 !== headers['x-patchbay-sha256']) {
      throw new PatchbayError(
        'BackupDamaged',
        'the copy did not arrive whole: its digest is not the one the server told; try again',
      );
    }
    const [revision, bytes] = [headers['x-patchbay-revision'], headers['content-length']].map(Number);
    return { path: target, sha256, revision: revision ?? 0, bytes: bytes ?? 0 };
  } finally {
    transport.close();
  }
}

async function ask(transport: HttpTransport): Promise<IncomingMessage | undefined> {
  try {
    return await transport.send({ method: 'POST', path: '/backup', timeoutMs: 0 });
  } catch (error) {
    if (error instanceof PatchbayError && error.reason === 'ConnectionFailed') {
      return undefined;
    }
    throw error;
  }
}

/**
 * Puts a copy in the place of a store. Throws PatchbayError: `BackupDamaged` when the file is not what its digest says,
 * `InstanceRuns`, or StoreError `StoreCorrupt` when its content is damaged; then nothing was changed.
 */
export async function restore(file: string, store: string): Promise<CopyContent> {
  if (!existsSync(file)) {
    throw new PatchbayError('NoSuchFile', `${file} is not there`, { retryable: false });
  }
  const digestFile = `${file}.sha256`;
  if (existsSync(digestFile)) {
    const [wanted] = readFileSync(digestFile, 'utf8').split(/\s/, 1);
    if ((await sha256Of(file)) !== wanted) {
      throw new PatchbayError(
        'BackupDamaged',
        `${file} is damaged: its sha256 is not the one in ${digestFile}. Nothing was changed; use another backup`,
        { retryable: false },
      );
    }
  }
  try {
    return restoreCopy(file, store);
  } catch (error) {
    throw error instanceof PatchbayError && error.reason === 'StoreLocked'
      ? new PatchbayError(
          'InstanceRuns',
          `a server runs on ${store}; stop it first: patchbay down --keep-state. Nothing was changed`,
          { cause: error, retryable: false },
        )
      : error;
  }
}
