/** Builds the built-in guest from Debian packages of this machine. */
import { createHash, randomUUID } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PatchbayError } from '#machinery/errors.ts';
import { packCpio } from './cpio.ts';
import type { StoredImage } from './driver.ts';
import { collectGuestFiles } from './guest-files.ts';
import { DEFAULT_GUEST, makeStore, readReference, writeReference } from './index.ts';
import { extractElfKernel } from './kernel.ts';

/** How a guest image is built. */
export interface GuestImageOptions {
  readonly imageDir: string;
  readonly log: (line: string) => void;
}

/** Builds of former inputs that are kept for instances which still refer to them. */
const KEPT_BUILDS = 3;

/**
 * Kernel arguments; measured together they bring user space under TCG from 1.5 s to 1.0 s.
 * `nokaslr`,
 * `mitigations`, `lsm` and `init_on_alloc` give up hardening inside a test guest; real guests bring their own kernel.
 */
const GUEST_KERNEL_ARGUMENTS = [
  ...[
    'console=ttyS0',
    'quiet',
    'panic=-1',
    'mitigations=off',
    'nokaslr',
    'init_on_alloc=0',
    'lsm=integrity',
    'audit=0',
  ],
  ...[
    'cryptomgr.notests',
    'tsc=reliable',
    'no_timer_check',
    'noreplace-smp',
    'random.trust_cpu=on',
    'net.ifnames=0',
  ],
].join(' ');

/**
 * Builds the guest, or finds that it is built already: its directory carries the hash of everything it is made of.
 * @throws PatchbayError `GuestPackagesMissing`
 */
export async function buildGuestImage(options: GuestImageOptions): Promise<StoredImage> {
  const { imageDir, log } = options;
  await makeStore(imageDir);
  const version = await findKernel();
  const [bzImage, files] = await Promise.all([
    readFile(`/boot/vmlinuz-${version}`),
    collectGuestFiles(version),
  ]);
  const initrd = packCpio(files);
  const digest = createHash('sha256')
    .update(bzImage)
    .update(initrd)
    .update(GUEST_KERNEL_ARGUMENTS)
    .digest('hex');
  const directory = join(imageDir, `guest-${digest.slice(0, 16)}`);
  const present = await readReference(imageDir, DEFAULT_GUEST);
  if (present?.digest === `sha256:${digest}` && (await exists(join(directory, 'initrd')))) {
    log(`guest image is up to date (kernel ${version})`);
    return present;
  }
  if (!(await exists(join(directory, 'initrd')))) {
    log(`building the guest image: kernel ${version}, ${files.length} files`);
    await writeBuild(imageDir, directory, extractElfKernel(bzImage) ?? bzImage, initrd);
  }
  const image = await describe(directory, digest);
  await writeReference(imageDir, image);
  await pruneBuilds(imageDir, directory);
  return image;
}

async function describe(directory: string, digest: string): Promise<StoredImage> {
  const kernel = join(directory, 'kernel');
  const initrd = join(directory, 'initrd');
  return {
    reference: DEFAULT_GUEST,
    digest: `sha256:${digest}`,
    image: { type: 'kernel', boot: { kernel, initrd, arguments: GUEST_KERNEL_ARGUMENTS } },
    size: (await stat(kernel)).size + (await stat(initrd)).size,
    virtualSize: 0,
    importedAt: new Date().toISOString(),
  };
}

/** Newest cloud kernel, else newest kernel of any flavour, of those in /boot. */
async function findKernel(): Promise<string> {
  const names = await readdir('/boot');
  const versions = names.flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? []);
  const cloud = versions.filter((version) => version.includes('-cloud-'));
  const sorted = (cloud.length > 0 ? cloud : versions).sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const newest = sorted.at(-1);
  if (newest === undefined) {
    throw new PatchbayError(
      'GuestPackagesMissing',
      '/boot has no vmlinuz-*: install the Debian package linux-image-cloud-amd64 (tools/bootstrap.sh does)',
      { retryable: false },
    );
  }
  return newest;
}

/** Writes beside the final place and moves it there, so that nobody boots half an image. */
async function writeBuild(
  imageDir: string,
  directory: string,
  kernel: Buffer,
  initrd: Buffer,
): Promise<void> {
  const next = join(imageDir, `build-${randomUUID()}`);
  await mkdir(next, { mode: 0o755 });
  try {
    await writeFile(join(next, 'kernel'), kernel, { mode: 0o644 });
    await writeFile(join(next, 'initrd'), initrd, { mode: 0o644 });
    // Whatever our umask is: QEMU's user must get in.
    await chmod(next, 0o755);
    await chmod(join(next, 'kernel'), 0o644);
    await chmod(join(next, 'initrd'), 0o644);
    await rm(directory, { recursive: true, force: true });
    await rename(next, directory);
  } catch (error) {
    await rm(next, { recursive: true, force: true });
    // Another process was faster with the same inputs.
    if (!(await exists(join(directory, 'initrd')))) {
      throw error;
    }
  }
}

async function pruneBuilds(imageDir: string, current: string): Promise<void> {
  const names = (await readdir(imageDir)).filter((name) => name.startsWith('guest-'));
  const builds = await Promise.all(
    names.map(async (name) => ({
      path: join(imageDir, name),
      time: (await stat(join(imageDir, name))).mtimeMs,
    })),
  );
  const old = builds.filter(({ path }) => path !== current).sort((a, b) => b.time - a.time);
  for (const { path } of old.slice(KEPT_BUILDS - 1)) {
    await rm(path, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
      return false;
    }
    throw error;
  }
}
