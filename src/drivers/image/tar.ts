/** Finds one file in a tar stream. Nothing is unpacked by the archive's own paths, so none can lead anywhere. */
import { refused } from './inspect.ts';

const BLOCK = 512;
const MAX_HEADER_BYTES = 64 * 1024;

/** One member of an archive. */
export interface TarMember {
  /** As in the archive, without a leading `./` or `/`. */
  readonly path: string;
  readonly isFile: boolean;
  readonly size: number;
  /** The member's bytes; must be read to the end or left alone before the next member. */
  content(): AsyncGenerator<Buffer>;
}

/** Members of an archive in order: ustar, pax paths and sizes, GNU long names. @throws PatchbayError `ImageRefused` */
export async function* readTar(stream: AsyncIterable<Buffer>, name: string): AsyncGenerator<TarMember> {
  const reader = new BlockReader(stream, name);
  let extension: Extension = {};
  for (;;) {
    const header = await reader.take(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) {
      return;
    }
    const size = extension.size ?? parseSize(header.subarray(124, 136));
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x' || type === 'L' || type === 'g') {
      extension = { ...extension, ...parseExtension(type, await reader.text(size)) };
      continue;
    }
    const path = (extension.path ?? headerPath(header)).replace(/^(\.?\/)+/, '');
    extension = {};
    reader.expect(size);
    yield { path, isFile: type === '0' || type === '\0', size, content: () => reader.content() };
    await reader.skip();
  }
}

/** What a header before a member says about it. */
interface Extension {
  readonly path?: string;
  readonly size?: number;
}

function parseExtension(type: string, text: string): Extension {
  if (type === 'L') {
    return { path: text.replace(/\0.*$/s, '') };
  }
  // Global headers (g) carry no path or size that matters.
  const path = type === 'x' ? paxField(text, 'path') : undefined;
  const size = type === 'x' ? paxField(text, 'size') : undefined;
  return { ...(path === undefined ? {} : { path }), ...(size === undefined ? {} : { size: Number(size) }) };
}

function headerPath(header: Buffer): string {
  const field = (from: number, to: number): string => header.toString('utf8', from, to).replace(/\0.*$/s, '');
  const isUstar = header.toString('latin1', 257, 262) === 'ustar';
  const prefix = isUstar ? field(345, 500) : '';
  return prefix === '' ? field(0, 100) : `${prefix}/${field(0, 100)}`;
}

/** Octal text, or (first bit set) a big endian number. */
function parseSize(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    return Number(field.readBigUInt64BE(4));
  }
  return Number.parseInt(field.toString('latin1').replace(/[\0 ]+$/, '') || '0', 8);
}

/** pax: lines of "length key=value\n". */
function paxField(text: string, key: string): string | undefined {
  return new RegExp(`^\\d+ ${key}=(.*)$`, 'm').exec(text)?.[1];
}

/** Takes exact lengths from a stream of chunks. */
class BlockReader {
  readonly #iterator: AsyncIterator<Buffer>;
  readonly #name: string;
  #buffer: Buffer = Buffer.alloc(0);
  #left = 0;
  #padding = 0;

  constructor(stream: AsyncIterable<Buffer>, name: string) {
    this.#iterator = stream[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** Exactly `length` bytes; undefined at the end of the stream. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < length) {
      const next = await this.#iterator.next();
      if (next.done === true) {
        return undefined;
      }
      this.#buffer = Buffer.concat([this.#buffer, next.value]);
    }
    const taken = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return taken;
  }

  async text(size: number): Promise<string> {
    if (size > MAX_HEADER_BYTES) {
      throw refused(this.#name, 'a header in its archive is too long');
    }
    const padded = await this.take(Math.ceil(size / BLOCK) * BLOCK);
    return padded?.toString('utf8', 0, size) ?? '';
  }

  expect(size: number): void {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw refused(this.#name, 'its archive is broken (a size is no number)');
    }
    this.#left = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
  }

  async *content(): AsyncGenerator<Buffer> {
    while (this.#left > 0) {
      const chunk =
        this.#buffer.length > 0 ? this.#buffer : ((await this.#iterator.next()).value as Buffer | undefined);
      if (chunk === undefined) {
        throw refused(this.#name, 'its archive is cut off');
      }
      const part = chunk.subarray(0, this.#left);
      this.#buffer = chunk.subarray(part.length);
      this.#left -= part.length;
      yield part;
    }
  }

  async skip(): Promise<void> {
    for await (const _ of this.content()) {
      // Read past it.
    }
    await this.take(this.#padding);
  }
}
