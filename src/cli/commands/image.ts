import type { Command } from 'commander';
import type { ContainerImage } from '#drivers/image/container-images.ts';
import { imageDir } from '#lab/names.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { addOutputOption, type OutputOptions, subCommand } from '../command.ts';
import { printJson, printTable } from '../output.ts';
import { createProgress } from '../progress.ts';

/** `patchbay image`: the images guests boot from, shared by all instances of this machine. */
export function registerImage(program: Command): void {
  const image = subCommand(
    program,
    'image',
    'build, list, import and remove images of this machine, for guests and containers',
  );
  addOutputOption(subCommand(image, 'build', 'build the built-in guest from Debian packages')).action(build);
  addOutputOption(subCommand(image, 'list', 'list the images')).action(list);
  addOutputOption(
    subCommand(
      image,
      'import',
      'import a qcow2 or raw file, or a container disk or image (docker://…, oci:DIR, oci-archive:FILE, docker-archive:FILE)',
    ),
  )
    .argument('<reference>', 'name to give it, such as quay.io/me/disk:1 (containerDisk.image)')
    .argument('<source>', 'file, container disk or image')
    .action(importImage);
  subCommand(image, 'remove', 'remove an image')
    .argument('<reference>', 'name it has')
    .action(async (reference: string) => {
      const { openImageStore } = await import('#drivers/image/store.ts');
      const { openContainerImages } = await import('#drivers/image/container-images.ts');
      await openImageStore(imageDir).remove(reference);
      await openContainerImages(imageDir).remove(reference);
    });
}

async function build({ output }: OutputOptions): Promise<void> {
  const { buildGuestImage } = await import('#drivers/image/build.ts');
  const progress = createProgress();
  progress.step('building the built-in guest');
  const image = await buildGuestImage({ imageDir, log: (line) => progress.detail(line) });
  progress.done();
  print([image], output);
}

async function list({ output }: OutputOptions): Promise<void> {
  const { openImageStore } = await import('#drivers/image/store.ts');
  const { openContainerImages } = await import('#drivers/image/container-images.ts');
  const [disks, containers] = await Promise.all([
    openImageStore(imageDir).list(),
    openContainerImages(imageDir).list(),
  ]);
  print([...disks, ...containers.map(listed)], output);
}

function listed(image: ContainerImage): Listed {
  return { ...image, virtualSize: 0, image: { type: 'container' } };
}

async function importImage(reference: string, source: string, { output }: OutputOptions): Promise<void> {
  const { openImageStore } = await import('#drivers/image/store.ts');
  const { openContainerImages } = await import('#drivers/image/container-images.ts');
  const store = openImageStore(imageDir);
  const progress = createProgress();
  progress.step(`importing ${source}`);
  // A transport (`docker://`, `oci:`) marks a container disk or an image of containers; a path has none.
  const isOci = /^(docker:\/\/|oci:|oci-archive:|docker-archive:)/.test(source);
  const image = isOci
    ? await store.importOci(reference, source).catch(async (error: unknown) => {
        if (!(error instanceof PatchbayError && error.reason === 'NoContainerDisk')) throw error;
        return listed(await openContainerImages(imageDir).import(reference, source));
      })
    : await store.importFile(reference, source);
  progress.done();
  print([image], output);
}

interface Listed {
  readonly reference: string;
  readonly digest: string;
  readonly size: number;
  readonly virtualSize: number;
  readonly importedAt: string;
  readonly image: { readonly type: string };
}

function print(images: readonly Listed[], output: OutputOptions['output']): void {
  if (output === 'json') {
    printJson(images);
    return;
  }
  printTable(
    ['REFERENCE', 'BOOTS', 'SIZE', 'VIRTUAL SIZE', 'DIGEST', 'IMPORTED'],
    images.map(({ reference, image, size, virtualSize, digest, importedAt }) => [
      reference,
      image.type,
      megabytes(size),
      virtualSize === 0 ? '-' : megabytes(virtualSize),
      digest.slice(0, 19),
      importedAt,
    ]),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
