/** Takes the ELF kernel out of a bzImage: QEMU starts it directly (PVH), and the guest need not unpack it under TCG. */
import { PatchbayError } from '#machinery/errors.ts';

const LZ4_LEGACY_MAGIC = 0x184c2102;
const LZ4_BLOCK_BYTES = 8 * 1024 * 1024;
const MAX_KERNEL_BYTES = 256 * 1024 * 1024;
const BOOT_HEADER_MAGIC = 'HdrS';

/**
 * The ELF image inside a bzImage packed with LZ4, or undefined when it is packed otherwise (then the bzImage itself
 * boots, only slower). Header fields: Documentation/x86/boot.rst. @throws PatchbayError `KernelBroken`
 */
export function extractElfKernel(bzImage: Buffer): Buffer | undefined {
  if (bzImage.length < 0x260 || bzImage.toString('latin1', 0x202, 0x206) !== BOOT_HEADER_MAGIC) {
    return undefined;
  }
  const setupSectors = bzImage.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c));
  if (payload.length < 8 || payload.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) {
    return undefined;
  }
  const kernel = unpackLz4Legacy(payload);
  return kernel.toString('latin1', 1, 4) === 'ELF' ? kernel : undefined;
}

/** LZ4 "legacy frame": magic, then blocks of a length and as many bytes, each of at most 8 MiB unpacked. */
function unpackLz4Legacy(frame: Buffer): Buffer {
  // The kernel's build appends the unpacked length.
  const size = frame.readUInt32LE(frame.length - 4);
  if (size > MAX_KERNEL_BYTES) {
    throw broken(`it claims ${size} bytes unpacked`);
  }
  const output = Buffer.alloc(size);
  let written = 0;
  for (let at = 4; at + 4 < frame.length && written < size; ) {
    const length = frame.readUInt32LE(at);
    at += 4;
    if (length > frame.length - at) {
      throw broken('an LZ4 block is cut off');
    }
    const limit = Math.min(size, written + LZ4_BLOCK_BYTES);
    written = unpackLz4Block(frame.subarray(at, at + length), output, written, limit);
    at += length;
  }
  if (written !== size) {
    throw broken(`unpacked to ${written} bytes instead of ${size}`);
  }
  return output;
}

/** One LZ4 block: sequences of literals and matches. Returns the new end of the output. */
function unpackLz4Block(block: Buffer, output: Buffer, from: number, limit: number): number {
  let at = 0;
  let end = from;
  const extended = (length: number): number => {
    let total = length;
    for (let more = length === 15 ? 255 : 0; more === 255; total += more) {
      more = block[at++] ?? 0;
    }
    return total;
  };
  while (at < block.length) {
    const token = block[at++] ?? 0;
    const literals = extended(token >> 4);
    if (at + literals > block.length || end + literals > limit) {
      throw broken('an LZ4 literal is too long');
    }
    block.copy(output, end, at, at + literals);
    at += literals;
    end += literals;
    if (at >= block.length) {
      break;
    }
    const distance = block.readUInt16LE(at);
    at += 2;
    const length = extended(token & 15) + 4;
    if (distance === 0 || distance > end - from || end + length > limit) {
      throw broken('an LZ4 match points outside');
    }
    copyMatch(output, end, distance, length);
    end += length;
  }
  return end;
}

function copyMatch(output: Buffer, end: number, distance: number, length: number): void {
  if (distance >= length) {
    output.copy(output, end, end - distance, end - distance + length);
    return;
  }
  // The match overlaps what it writes: it repeats.
  for (let i = 0; i < length; i++) {
    output[end + i] = output[end + i - distance] ?? 0;
  }
}

function broken(why: string): PatchbayError {
  return new PatchbayError('KernelBroken', `the kernel image cannot be unpacked: ${why}`, {
    retryable: false,
  });
}

const SIGNATURE_MARK = Buffer.from('~Module signature appended~\n');

/**
 * A kernel module without the signature at its end: checking one takes the guest longer than loading the module.
 * The trailer before the mark ends with the signature's length, big endian (include/linux/module_signature.h).
 */
export function withoutModuleSignature(module: Buffer): Buffer {
  if (!module.subarray(-SIGNATURE_MARK.length).equals(SIGNATURE_MARK)) {
    return module;
  }
  const trailerEnd = module.length - SIGNATURE_MARK.length;
  const signatureLength = module.readUInt32BE(trailerEnd - 4);
  return module.subarray(0, trailerEnd - 12 - signatureLength);
}
