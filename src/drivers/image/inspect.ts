/** Looks at a disk file before anything else opens it: its header came with the image and may point at other files. */
import { open } from 'node:fs/promises';
import { PatchbayError } from '#machinery/errors.ts';

/** What a disk file is. */
export interface DiskFormat {
  readonly format: 'raw' | 'qcow2';
  /** Bytes the guest sees. */
  readonly virtualSize: number;
}

const QCOW2_MAGIC = 0x514649fb;
const EXTERNAL_DATA_FILE = 4n;

/** First bytes of formats that would otherwise pass as raw and show the guest nonsense. */
const FOREIGN: readonly { readonly name: string; readonly at: number; readonly magic: string }[] = [
  { name: 'VMDK', at: 0, magic: 'KDMV' },
  { name: 'VMDK', at: 0, magic: '# Disk DescriptorFile' },
  { name: 'VHDX', at: 0, magic: 'vhdxfile' },
  { name: 'VDI', at: 0x40, magic: '\x7f\x10\xda\xbe' },
  { name: 'QED', at: 0, magic: 'QED\0' },
  { name: 'LUKS', at: 0, magic: 'LUKS\xba\xbe' },
  { name: 'xz', at: 0, magic: '\xfd7zXZ' },
  { name: 'gzip', at: 0, magic: '\x1f\x8b' },
  { name: 'zstd', at: 0, magic: '\x28\xb5\x2f\xfd' },
];

/** @throws PatchbayError `ImageRefused`; `name` is what messages call the image */
export async function inspectDisk(path: string, name: string): Promise<DiskFormat> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(512);
    await file.read(header, 0, header.length, 0);
    return header.readUInt32BE(0) === QCOW2_MAGIC
      ? inspectQcow2(header, name)
      : inspectRaw(header, size, name);
  } finally {
    await file.close();
  }
}

/** Header fields: qemu/docs/interop/qcow2.txt. */
function inspectQcow2(header: Buffer, name: string): DiskFormat {
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) {
    throw refused(name, `qcow2 version ${version}; allowed: 2 and 3`);
  }
  if (header.readBigUInt64BE(8) !== 0n) {
    throw refused(name, 'it has a backing file; flatten it: qemu-img convert -O qcow2 IMAGE FLAT');
  }
  if (header.readUInt32BE(32) !== 0) {
    throw refused(name, 'it is encrypted; decrypt it: qemu-img convert -O qcow2 …');
  }
  if (version === 3 && (header.readBigUInt64BE(72) & EXTERNAL_DATA_FILE) !== 0n) {
    throw refused(name, 'its data is in another file; flatten it: qemu-img convert -O qcow2 IMAGE FLAT');
  }
  return { format: 'qcow2', virtualSize: Number(header.readBigUInt64BE(24)) };
}

function inspectRaw(header: Buffer, size: number, name: string): DiskFormat {
  const foreign = FOREIGN.find(({ at, magic }) => header.toString('latin1', at, at + magic.length) === magic);
  if (foreign !== undefined) {
    throw refused(
      name,
      `its format is ${foreign.name}; allowed: qcow2, raw. Unpack it or use qemu-img convert -O qcow2`,
    );
  }
  if (size === 0 || size % 512 !== 0) {
    throw refused(name, `${size} bytes are no whole number of 512-byte sectors, so it is no raw disk`);
  }
  return { format: 'raw', virtualSize: size };
}

/** The refusal of an image. */
export function refused(name: string, why: string): PatchbayError {
  return new PatchbayError('ImageRefused', `image ${name} is refused: ${why}`, { retryable: false });
}
