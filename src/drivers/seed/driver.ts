import type { VmSeed } from '#node-state/vm.ts';

/** Largest user data or network data, bytes. */
export const MAX_SEED_BYTES = 2 * 1024 * 1024;

/** Makes the image of a seed volume: an ISO 9660 file system with Rock Ridge names. Pure. */
export type SeedImage = (seed: VmSeed) => Buffer;
