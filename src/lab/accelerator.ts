import { buildGuestImage } from '#drivers/image/build.ts';
import { type KvmProbe, probeKvm } from '#drivers/probe/kvm.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Accelerator } from '#node-state/vm.ts';
import { imageDir } from './names.ts';

/** How to find out. */
export interface AcceleratorOptions {
  /** Taken without a probe. */
  readonly forced?: Accelerator | undefined;
  /** Probes again even when an answer is kept. */
  readonly refresh?: boolean;
  readonly log: (line: string) => void;
}

/** How guests run on this machine: tried with the built-in guest, which is built when it is missing. */
export async function probeAccelerator(options: AcceleratorOptions): Promise<KvmProbe> {
  const { image } = await buildGuestImage({ imageDir, log: options.log });
  if (image.type !== 'kernel') {
    throw new PatchbayError(
      'GuestImageBroken',
      `the built-in guest in ${imageDir} is not a kernel; remove it`,
      {
        retryable: false,
      },
    );
  }
  return probeKvm({
    boot: image.boot,
    cacheDir: imageDir,
    ...(options.forced === undefined ? {} : { override: options.forced }),
    ...(options.refresh === undefined ? {} : { refresh: options.refresh }),
  });
}
