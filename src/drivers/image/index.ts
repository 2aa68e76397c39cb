/**
 * The store's directory: `blobs/<sha256>` holds disks, `references/<sha256 of the name>.json` says what a name means.
 * One file per name, replaced in one step, so that several processes may import at once.
 */
import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PatchbayError } from '#machinery/errors.ts';
import type { StoredImage } from './driver.ts';

/** Name of the built-in guest. */
export const DEFAULT_GUEST = 'default-guest';

/** Makes the directories; QEMU's user may read everything in them. */
export async function makeStore(imageDir: string): Promise<void> {
  for (const directory of [imageDir, blobsDirectory(imageDir), referencesDirectory(imageDir)]) {
    await mkdir(directory, { recursive: true });
    // Whatever our umask is: QEMU's user must get in.
    await chmod(directory, 0o755);
  }
}

export function blobsDirectory(imageDir: string): string {
  return join(imageDir, 'blobs');
}

/** What a name means; undefined when it means nothing. */
export async function readReference(imageDir: string, reference: string): Promise<StoredImage | undefined> {
  return parse(referencePath(imageDir, reference));
}

export async function writeReference(imageDir: string, image: StoredImage): Promise<void> {
  const path = referencePath(imageDir, image.reference);
  const next = `${path}.${randomUUID()}`;
  await writeFile(next, `${JSON.stringify(image, null, 1)}\n`, { mode: 0o644 });
  await rename(next, path);
}

export async function removeReference(imageDir: string, reference: string): Promise<void> {
  await rm(referencePath(imageDir, reference), { force: true });
}

/** All images, by name. */
export async function listReferences(imageDir: string): Promise<readonly StoredImage[]> {
  const names = await readdir(referencesDirectory(imageDir)).catch(emptyWhenMissing);
  const files = names.filter((name) => name.endsWith('.json'));
  const images = await Promise.all(files.map((name) => parse(join(referencesDirectory(imageDir), name))));
  return images
    .filter((image) => image !== undefined)
    .sort((a, b) => (a.reference < b.reference ? -1 : a.reference > b.reference ? 1 : 0));
}

function referencesDirectory(imageDir: string): string {
  return join(imageDir, 'references');
}

function referencePath(imageDir: string, reference: string): string {
  return join(referencesDirectory(imageDir), `${createHash('sha256').update(reference).digest('hex')}.json`);
}

async function parse(path: string): Promise<StoredImage | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    emptyWhenMissing(error);
    return undefined;
  });
  if (text === undefined) {
    return undefined;
  }
  try {
    return JSON.parse(text) as StoredImage;
  } catch (cause) {
    throw new PatchbayError('ImageStoreBroken', `${path} is no JSON; remove it and import the image again`, {
      cause,
    });
  }
}

function emptyWhenMissing(error: unknown): string[] {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
    return [];
  }
  throw error;
}
