/** Images of containers: OCI images unpacked once into a directory, looked up by the name they were imported under. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerRoot } from '#node-state/container.ts';
import { refused } from './inspect.ts';
import { isRecord } from './json.ts';
import { copyToLayout, readImageConfig } from './oci.ts';

/** What an image says about how it is run. */
export interface ContainerConfig {
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly env: readonly string[];
  readonly workingDir: string;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly stopSignal?: string;
}

/** An image that containers run from. */
export interface ContainerImage {
  readonly reference: string;
  /** `sha256:…` of the manifest. */
  readonly digest: string;
  readonly root: ContainerRoot;
  readonly config: ContainerConfig;
  /** Bytes of the unpacked files. */
  readonly size: number;
  /** ISO 8601. */
  readonly importedAt: string;
}

/** Container images of this machine. */
export interface ContainerImages {
  /** Never downloads. @throws PatchbayError `ImageNotFound` with the remedy, `InvalidImageName` */
  resolve(reference: string): Promise<ContainerImage>;
  list(): Promise<readonly ContainerImage[]>;
  /** Unpacks an image: `docker://…`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`. */
  import(reference: string, source: string): Promise<ContainerImage>;
  remove(reference: string): Promise<void>;
}

/** Reference that stands for the machine's own programs. */
export const hostReference = 'localhost/host';

const hostImage: ContainerImage = {
  reference: `${hostReference}:latest`,
  digest: 'host',
  root: { type: 'host' },
  config: { entrypoint: [], cmd: ['sh'], env: [], workingDir: '/', user: { uid: 0, gid: 0 } },
  size: 0,
  importedAt: new Date(0).toISOString(),
};

const unpackMs = 10 * 60_000;

/** Opens the store below the image directory; nothing is made until the first import. */
export function openContainerImages(imageDir: string): ContainerImages {
  const directory = path.join(imageDir, 'containers');
  return {
    resolve: (reference) => resolve(directory, reference),
    list: () => list(directory),
    import: (reference, source) => importImage(directory, reference, source),
    remove: (reference) => rm(referenceFile(directory, normalize(reference)), { force: true }),
  };
}

/** `docker.io/library/x:1`, `docker://x:1` and `x:1` are one name. @throws PatchbayError `InvalidImageName` */
export function normalize(reference: string): string {
  const name = reference.replace(/^docker:\/\//, '').replace(/^docker\.io\/(library\/)?/, '');
  if (!/^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,511}$/.test(name)) {
    throw new PatchbayError(
      'InvalidImageName',
      `Failed to apply default image tag ${JSON.stringify(reference)}: couldn't parse image name: invalid reference format`,
      { retryable: false },
    );
  }
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last.includes(':') || name.includes('@') ? name : `${name}:latest`;
}

async function resolve(directory: string, reference: string): Promise<ContainerImage> {
  const name = normalize(reference);
  if (name === hostImage.reference) {
    return hostImage;
  }
  const found = await readReference(referenceFile(directory, name));
  if (found === undefined) {
    throw new PatchbayError(
      'ImageNotFound',
      `image "${reference}" is not in the local image store, and nodes download nothing; import it: patchbay image import ${reference} docker://${name} (or oci:DIR, oci-archive:FILE, docker-archive:FILE). For tools of this machine use the image ${hostReference}`,
    );
  }
  return found;
}

async function list(directory: string): Promise<readonly ContainerImage[]> {
  const references = path.join(directory, 'references');
  const names = await readdir(references).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readReference(path.join(references, name))),
  );
  return found.filter((one) => one !== undefined).toSorted((a, b) => (a.reference < b.reference ? -1 : 1));
}

async function importImage(directory: string, reference: string, source: string): Promise<ContainerImage> {
  const name = normalize(reference);
  if (name === hostImage.reference) {
    throw refused(reference, 'this name stands for the machine itself');
  }
  await mkdir(path.join(directory, 'references'), { recursive: true });
  await mkdir(path.join(directory, 'unpacked'), { recursive: true, mode: 0o700 });
  const temporary = await mkdtemp(path.join(directory, 'import-'));
  try {
    const layout = path.join(temporary, 'layout');
    await copyToLayout(source, layout);
    const { digest, config } = await readImageConfig(layout, source);
    const bundle = path.join(temporary, 'bundle');
    await run(['umoci', 'unpack', '--image', `${layout}:disk`, bundle], { timeoutMs: unpackMs });
    const rootfs = path.join(bundle, 'rootfs');
    const target = path.join(directory, 'unpacked', digest.replace(':', '-'));
    const image: ContainerImage = {
      reference: name,
      digest,
      root: { type: 'image', path: target },
      config: await containerConfig(config, rootfs),
      size: await sizeOf(rootfs),
      importedAt: new Date().toISOString(),
    };
    // The same digest is the same tree: containers may run on it, so it stays.
    const isThere = await stat(target).then(
      () => true,
      () => false,
    );
    if (!isThere) {
      await rename(rootfs, target);
    }
    await writeReference(directory, image);
    return image;
  } finally {
    await run(['rm', '-rf', '--one-file-system', '--', temporary]);
  }
}

async function writeReference(directory: string, image: ContainerImage): Promise<void> {
  const file = referenceFile(directory, image.reference);
  const next = `${file}.${randomUUID()}`;
  await writeFile(next, `${JSON.stringify(image, null, 1)}\n`, { mode: 0o644 });
  await rename(next, file);
}

function referenceFile(directory: string, name: string): string {
  return path.join(directory, 'references', `${createHash('sha256').update(name).digest('hex')}.json`);
}

async function readReference(file: string): Promise<ContainerImage | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : (JSON.parse(text) as ContainerImage);
}

async function sizeOf(directory: string): Promise<number> {
  const { stdout } = await run(['du', '--summarize', '--block-size=1', '--', directory], {
    timeoutMs: unpackMs,
  });
  return Number(stdout.split('\t')[0]);
}

/** Reads the `config` part of an image's configuration; it came with the image. */
async function containerConfig(value: unknown, rootfs: string): Promise<ContainerConfig> {
  const config = isRecord(value) ? value : {};
  const texts = (list: unknown): readonly string[] =>
    Array.isArray(list) ? list.filter((one) => typeof one === 'string') : [];
  const workingDir = config['WorkingDir'];
  const signal = config['StopSignal'];
  return {
    entrypoint: texts(config['Entrypoint']),
    cmd: texts(config['Cmd']),
    env: texts(config['Env']),
    workingDir: typeof workingDir === 'string' && workingDir !== '' ? workingDir : '/',
    user: await userOf(config['User'], rootfs),
    ...(typeof signal === 'string' && /^(SIG)?[A-Z0-9+-]{2,12}$/.test(signal) && { stopSignal: signal }),
  };
}

/** `USER` or `USER:GROUP`, each a number or a name of the image's own `/etc/passwd` and `/etc/group`. */
async function userOf(
  value: unknown,
  rootfs: string,
): Promise<{ readonly uid: number; readonly gid: number }> {
  const [user = '', group = ''] = typeof value === 'string' ? value.split(':') : [];
  const passwd = /^\d*$/.test(user) ? undefined : await lineOf(rootfs, 'passwd', user);
  const uid = passwd === undefined ? Number(user || '0') : Number(passwd[2]);
  const ofUser = passwd === undefined ? 0 : Number(passwd[3]);
  const gid =
    group === ''
      ? ofUser
      : /^\d+$/.test(group)
        ? Number(group)
        : Number((await lineOf(rootfs, 'group', group))?.[2]);
  if (!Number.isSafeInteger(uid) || !Number.isSafeInteger(gid)) {
    throw refused(String(value), 'its user is not known in the image');
  }
  return { uid, gid };
}

async function lineOf(rootfs: string, file: string, name: string): Promise<readonly string[] | undefined> {
  // A symbolic link in the image must not lead to this machine's users, and nothing of the image is run here.
  const [found, root] = await Promise.all([
    realpath(path.join(rootfs, 'etc', file)).catch(() => undefined),
    realpath(rootfs),
  ]);
  if (found === undefined || !found.startsWith(`${root}/`) || (await stat(found)).size > 1024 * 1024) {
    return undefined;
  }
  return (await readFile(found, 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .find(([first]) => first === name);
}
