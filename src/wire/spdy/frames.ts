/** Frames of SPDY/3.1, as far as port-forwarding uses them. Pure. (draft-mbelshe-httpbis-spdy-00, section 2) */

/** One frame; header blocks are still compressed. */
export type Frame =
  | { readonly type: 'syn-stream'; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: 'syn-reply'; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: 'headers'; readonly stream: number; readonly fin: boolean; readonly headers: Buffer }
  | { readonly type: 'reset'; readonly stream: number; readonly status: number }
  | { readonly type: 'ping'; readonly id: number }
  | { readonly type: 'goaway' }
  | { readonly type: 'data'; readonly stream: number; readonly fin: boolean; readonly payload: Buffer }
  /** Settings, window updates and what else needs no answer. */
  | { readonly type: 'other' };

/** A frame longer than this ends the connection. */
const longestFrame = 1024 * 1024;
const types = { 'syn-stream': 1, 'syn-reply': 2, reset: 3, ping: 6, goaway: 7, headers: 8 } as const;
const finFlag = 1;

/** Cuts a byte stream into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws RangeError for a frame beyond the limit. */
  push(chunk: Buffer): readonly Frame[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    for (;;) {
      if (this.#rest.length < 8) return frames;
      const length = this.#rest.readUIntBE(5, 3);
      if (length > longestFrame) {
        throw new RangeError(`a frame of ${length} bytes; allowed are ${longestFrame}`);
      }
      if (this.#rest.length < 8 + length) return frames;
      frames.push(parse(this.#rest.subarray(0, 8), this.#rest.subarray(8, 8 + length)));
      this.#rest = this.#rest.subarray(8 + length);
    }
  }
}

function parse(head: Buffer, body: Buffer): Frame {
  const first = head.readUInt32BE(0);
  const fin = (head.readUInt8(4) & finFlag) !== 0;
  if ((first & 0x80000000) === 0) {
    return { type: 'data', stream: first, fin, payload: body };
  }
  const type = first & 0xffff;
  const stream = body.length >= 4 ? body.readUInt32BE(0) & 0x7fffffff : 0;
  switch (type) {
    case types['syn-stream']:
      return { type: 'syn-stream', stream, fin, headers: body.subarray(10) };
    case types['syn-reply']:
      return { type: 'syn-reply', stream, fin, headers: body.subarray(4) };
    case types.headers:
      return { type: 'headers', stream, fin, headers: body.subarray(4) };
    case types.reset:
      return { type: 'reset', stream, status: body.length >= 8 ? body.readUInt32BE(4) : 0 };
    case types.ping:
      return { type: 'ping', id: body.length >= 4 ? body.readUInt32BE(0) : 0 };
    case types.goaway:
      return { type: 'goaway' };
    default:
      return { type: 'other' };
  }
}

/** Writes a frame. */
export function encodeFrame(frame: Exclude<Frame, { type: 'other' }>): Buffer {
  switch (frame.type) {
    case 'data': {
      const head = Buffer.alloc(8);
      head.writeUInt32BE(frame.stream & 0x7fffffff, 0);
      head.writeUInt8(frame.fin ? finFlag : 0, 4);
      head.writeUIntBE(frame.payload.length, 5, 3);
      return Buffer.concat([head, frame.payload]);
    }
    case 'syn-stream':
      return control(
        frame.type,
        frame.fin,
        Buffer.concat([word(frame.stream), Buffer.alloc(6), frame.headers]),
      );
    case 'syn-reply':
    case 'headers':
      return control(frame.type, frame.fin, Buffer.concat([word(frame.stream), frame.headers]));
    case 'reset':
      return control('reset', false, Buffer.concat([word(frame.stream), word(frame.status)]));
    case 'ping':
      return control('ping', false, word(frame.id));
    case 'goaway':
      return control('goaway', false, Buffer.alloc(8));
  }
}

function control(type: keyof typeof types, fin: boolean, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(types[type], 2);
  head.writeUInt8(fin ? finFlag : 0, 4);
  head.writeUIntBE(body.length, 5, 3);
  return Buffer.concat([head, body]);
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Name and value pairs of a header block that is decompressed. Throws RangeError when it is cut short. */
export function decodeHeaders(block: Buffer): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  let at = 4;
  const text = (): string => {
    const length = block.readUInt32BE(at);
    const end = at + 4 + length;
    if (end > block.length) throw new RangeError('a header block that is cut short');
    const value = block.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  for (let left = block.length < 4 ? 0 : block.readUInt32BE(0); left > 0; left -= 1) {
    const name = text();
    headers.set(name.toLowerCase(), text());
  }
  return headers;
}

/** Writes a header block, not yet compressed. */
export function encodeHeaders(headers: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [word(headers.size)];
  for (const each of [...headers].flat()) {
    const bytes = Buffer.from(each);
    parts.push(word(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}
