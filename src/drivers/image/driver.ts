import type { VmKernelBoot } from '#node-state/vm.ts';

/** What a machine boots from. */
export type BootImage =
  | { readonly type: 'disk'; readonly path: string; readonly format: 'raw' | 'qcow2' }
  | { readonly type: 'kernel'; readonly boot: VmKernelBoot };

/** An image of the store. */
export interface StoredImage {
  /** Name it was imported under, such as `quay.io/me/disk:1` or `default-guest`. */
  readonly reference: string;
  /** `sha256:…` of the disk file (of kernel and initrd for a kernel boot). */
  readonly digest: string;
  readonly image: BootImage;
  /** Bytes on disk. */
  readonly size: number;
  /** Bytes the guest sees; 0 for a kernel boot. */
  readonly virtualSize: number;
  /** ISO 8601. */
  readonly importedAt: string;
}

/** Answer to a reference. */
export interface ResolvedImage extends StoredImage {
  /** Set when another image stands in: what was asked for and what is used. Shown to the user. */
  readonly substitution?: string;
}

/** Local images of a machine, shared by its instances. */
export interface ImageStore {
  readonly imageDir: string;
  /**
   * Looks a reference up: imported images first, then the aliases for the documentation's images, which stand for the
   * default guest. Never downloads.
   * @throws PatchbayError `ImageNotFound` with the remedy
   */
  resolve(reference: string): Promise<ResolvedImage>;
  /** The built-in guest, for machines without a bootable disk. @throws PatchbayError `ImageNotFound` when not built */
  defaultGuest(): Promise<ResolvedImage>;
  list(): Promise<readonly StoredImage[]>;
  /** Copies a qcow2 or raw file. @throws PatchbayError `ImageRefused` for backing files, encryption, non-regular files */
  importFile(reference: string, path: string): Promise<StoredImage>;
  /** Copies the disk of a container disk: `docker://…`, `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`. */
  importOci(reference: string, source: string): Promise<StoredImage>;
  /** Gone already counts as success. */
  remove(reference: string): Promise<void>;
}
