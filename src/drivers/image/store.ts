/** The local image store. */
import { createHash, randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PatchbayError } from '#machinery/errors.ts';
import { isDocumentationImage } from './aliases.ts';
import type { ImageStore, ResolvedImage, StoredImage } from './driver.ts';
import {
  blobsDirectory,
  DEFAULT_GUEST,
  listReferences,
  makeStore,
  readReference,
  removeReference,
  writeReference,
} from './index.ts';
import { inspectDisk, refused } from './inspect.ts';
import { copyToLayout, extractDisk } from './oci.ts';

/** Opens the store in a directory, which is made at the first import. */
export function openImageStore(imageDir: string): ImageStore {
  return {
    imageDir,
    resolve: (reference) => resolve(imageDir, reference),
    defaultGuest: () => defaultGuest(imageDir),
    list: () => listReferences(imageDir),
    importFile: (reference, path) => importFile(imageDir, reference, path),
    importOci: (reference, source) => importOci(imageDir, reference, source),
    remove: (reference) => remove(imageDir, reference),
  };
}

/** `docker://quay.io/a/b` and `quay.io/a/b:latest` are one name. */
export function normalizeReference(reference: string): string {
  const name = reference.replace(/^docker:\/\//, '').trim();
  const last = name.slice(name.lastIndexOf('/') + 1);
  return name === DEFAULT_GUEST || last.includes(':') || name.includes('@') ? name : `${name}:latest`;
}

async function resolve(imageDir: string, reference: string): Promise<ResolvedImage> {
  const name = normalizeReference(reference);
  const stored = await readReference(imageDir, name);
  if (stored !== undefined) {
    return stored;
  }
  if (isDocumentationImage(name)) {
    const guest = await defaultGuest(imageDir);
    return {
      ...guest,
      substitution: `${reference} is not in the local image store; the built-in guest stands in for it`,
    };
  }
  throw new PatchbayError(
    'ImageNotFound',
    `image ${reference} is not in the local image store; import it: patchbay image import ${reference} [FILE]`,
  );
}

async function defaultGuest(imageDir: string): Promise<ResolvedImage> {
  const guest = await readReference(imageDir, DEFAULT_GUEST);
  if (guest === undefined) {
    throw new PatchbayError(
      'ImageNotFound',
      'the built-in guest is not built yet; build it: patchbay image build',
    );
  }
  return guest;
}

async function importFile(imageDir: string, reference: string, path: string): Promise<StoredImage> {
  const status = await lstat(path).catch((cause: unknown) => {
    throw new PatchbayError('ImageRefused', `${path} cannot be read`, { cause, retryable: false });
  });
  if (!status.isFile()) {
    throw refused(path, 'it is no regular file (symbolic links, devices and directories are not followed)');
  }
  return withTemporary(imageDir, async (directory) => {
    const copy = join(directory, 'disk');
    await copyFile(path, copy, constants.COPYFILE_FICLONE);
    return store(imageDir, reference, copy);
  });
}

async function importOci(imageDir: string, reference: string, source: string): Promise<StoredImage> {
  return withTemporary(imageDir, async (directory) => {
    const layout = join(directory, 'layout');
    const disk = join(directory, 'disk');
    await copyToLayout(source, layout);
    await extractDisk(layout, reference, disk);
    return store(imageDir, reference, disk);
  });
}

/** Moves an inspected disk to its place by content and names it. */
async function store(imageDir: string, reference: string, path: string): Promise<StoredImage> {
  const { format, virtualSize } = await inspectDisk(path, reference);
  const digest = await sha256(path);
  const place = join(blobsDirectory(imageDir), digest);
  await chmod(path, 0o644);
  await rename(path, place);
  const image: StoredImage = {
    reference: normalizeReference(reference),
    digest: `sha256:${digest}`,
    image: { type: 'disk', path: place, format },
    size: (await stat(place)).size,
    virtualSize,
    importedAt: new Date().toISOString(),
  };
  await writeReference(imageDir, image);
  return image;
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

async function remove(imageDir: string, reference: string): Promise<void> {
  const image = await readReference(imageDir, normalizeReference(reference));
  if (image === undefined) {
    return;
  }
  await removeReference(imageDir, image.reference);
  const others = await listReferences(imageDir);
  if (image.image.type === 'disk' && !others.some((other) => other.digest === image.digest)) {
    await rm(image.image.path, { force: true });
  }
}

/** A directory in the store, so that moving out of it is a rename; gone afterwards. */
async function withTemporary<T>(imageDir: string, action: (directory: string) => Promise<T>): Promise<T> {
  await makeStore(imageDir);
  const directory = await mkdtemp(join(imageDir, `import-${randomUUID().slice(0, 8)}-`));
  try {
    return await action(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
