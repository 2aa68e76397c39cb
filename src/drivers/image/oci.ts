/** Takes the disk out of a container disk: an OCI image with one file in /disk (KubeVirt's convention). */
import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { refused } from './inspect.ts';
import { isRecord } from './json.ts';
import { readTar } from './tar.ts';

const COPY_TIMEOUT_MS = 30 * 60_000;
/** An unpacked disk larger than this is refused: a few kilobytes of gzip can claim it. */
const MAX_DISK_BYTES = 256 * 1024 ** 3;
const TRANSPORTS = /^(docker|oci|oci-archive|docker-archive|dir):/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Copies an image into an OCI layout at `layout`. `source` without a transport is a registry reference. */
export async function copyToLayout(source: string, layout: string): Promise<void> {
  if (source.startsWith('-')) {
    throw refused(source, 'a source does not start with "-"');
  }
  const from = TRANSPORTS.test(source) ? source : `docker://${source}`;
  await run(['skopeo', '--insecure-policy', 'copy', '--quiet', from, `oci:${layout}:disk`], {
    timeoutMs: COPY_TIMEOUT_MS,
  });
}

/** Digest of the image in a layout, and the `config` part of its configuration. */
export async function readImageConfig(
  layout: string,
  name: string,
): Promise<{ readonly digest: string; readonly config: unknown }> {
  const index = await readJson(join(layout, 'index.json'), name);
  const descriptor: unknown = Array.isArray(index['manifests']) ? index['manifests'][0] : undefined;
  const manifest = await readJson(blobPath(layout, descriptor, name), name);
  const { config } = await readJson(blobPath(layout, manifest['config'], name), name);
  return { digest: isRecord(descriptor) ? String(descriptor['digest']) : '', config };
}

/** Writes the only file of /disk in the image's layers to `target`. @throws PatchbayError `ImageRefused` */
export async function extractDisk(layout: string, name: string, target: string): Promise<void> {
  const layers = await readLayers(layout, name);
  // The last layer wins.
  for (const layer of layers.reverse()) {
    if (await extractFromLayer(layer, name, target)) {
      return;
    }
  }
  throw new PatchbayError(
    'NoContainerDisk',
    `image ${name} is refused: it has no file in /disk, so it is no container disk`,
    { retryable: false },
  );
}

interface Layer {
  readonly path: string;
  readonly mediaType: string;
}

async function readLayers(layout: string, name: string): Promise<Layer[]> {
  const index = await readJson(join(layout, 'index.json'), name);
  const manifests = Array.isArray(index['manifests']) ? index['manifests'] : [];
  const manifest = await readJson(blobPath(layout, manifests[0], name), name);
  const layers = Array.isArray(manifest['layers']) ? manifest['layers'] : [];
  return layers.map((layer: unknown) => ({
    path: blobPath(layout, layer, name),
    mediaType: isRecord(layer) ? String(layer['mediaType']) : '',
  }));
}

async function readJson(path: string, name: string): Promise<Readonly<Record<string, unknown>>> {
  const { size } = await stat(path);
  const value: unknown = size > 4 * 1024 * 1024 ? undefined : JSON.parse(await readFile(path, 'utf8'));
  if (!isRecord(value)) {
    throw refused(name, `${path} is no JSON object of an image layout`);
  }
  return value;
}

function blobPath(layout: string, descriptor: unknown, name: string): string {
  const digest = isRecord(descriptor) ? descriptor['digest'] : undefined;
  if (typeof digest !== 'string' || !DIGEST.test(digest)) {
    throw refused(name, 'its manifest names no sha256 digest');
  }
  return join(layout, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

async function extractFromLayer(layer: Layer, name: string, target: string): Promise<boolean> {
  let found: string | undefined;
  for await (const member of readTar(unpacked(layer), name)) {
    if (!member.isFile || !/^disk\/[^/]+$/.test(member.path) || member.path.startsWith('disk/.wh.')) {
      continue;
    }
    if (found !== undefined) {
      throw refused(name, `/disk has two files, ${found} and ${member.path}; allowed: one`);
    }
    if (member.size > MAX_DISK_BYTES) {
      throw refused(name, `its disk has ${member.size} bytes; allowed: at most ${MAX_DISK_BYTES}`);
    }
    found = member.path;
    await pipeline(Readable.from(member.content()), createWriteStream(target, { mode: 0o644 }));
  }
  return found !== undefined;
}

function unpacked(layer: Layer): AsyncIterable<Buffer> {
  const file = createReadStream(layer.path);
  const decoder = layer.mediaType.endsWith('gzip')
    ? createGunzip()
    : layer.mediaType.endsWith('zstd')
      ? createZstdDecompress()
      : undefined;
  if (decoder === undefined) {
    return file;
  }
  file.on('error', (error) => decoder.destroy(error));
  return file.pipe(decoder);
}
