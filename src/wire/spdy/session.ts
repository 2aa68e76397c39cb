/** The server's side of a SPDY/3.1 connection over any byte stream: streams that the client opens. */
import { Duplex } from 'node:stream';
import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';
import { decodeHeaders, encodeFrame, encodeHeaders, type Frame, FrameReader } from './frames.ts';

/** Handles a stream the client opened. */
export type OnStream = (headers: ReadonlyMap<string, string>, stream: Duplex) => void;

const refusedStream = 3;
const cancelled = 5;
/** Most streams at a time; each forwarded connection has two. */
const mostStreams = 1024;

/** Serves a connection until it ends. */
export function serveSpdy(connection: Duplex, onStream: OnStream): void {
  const session = new Session(connection, onStream);
  const reader = new FrameReader();
  let queue: Promise<void> = Promise.resolve();
  const fail = (error: Error): void => {
    session.end();
    connection.destroy(error);
  };
  connection.on('data', (chunk: Buffer) => {
    // Header blocks are one compressed stream: in order, one after the other.
    queue = queue
      .then(async () => {
        for (const frame of reader.push(chunk)) await session.take(frame);
      })
      .catch(fail);
  });
  connection.once('close', () => session.end());
  connection.on('error', () => session.end());
}

class Session {
  readonly #connection: Duplex;
  readonly #onStream: OnStream;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #inflate: Inflate = createInflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });
  readonly #deflate: Deflate = createDeflate({ dictionary: headerDictionary, flush: constants.Z_SYNC_FLUSH });

  constructor(connection: Duplex, onStream: OnStream) {
    this.#connection = connection;
    this.#onStream = onStream;
  }

  async take(frame: Frame): Promise<void> {
    switch (frame.type) {
      case 'syn-stream':
        await this.#open(frame);
        return;
      case 'data':
        this.#streams.get(frame.stream)?.receive(frame.payload, frame.fin);
        return;
      case 'headers':
        await transform(this.#inflate, frame.headers);
        if (frame.fin) this.#streams.get(frame.stream)?.receive(Buffer.alloc(0), true);
        return;
      case 'reset':
        this.#streams.get(frame.stream)?.destroy();
        return;
      case 'ping':
        this.#send({ type: 'ping', id: frame.id });
        return;
      default:
        return;
    }
  }

  end(): void {
    for (const stream of this.#streams.values()) stream.destroy();
    this.#streams.clear();
    this.#inflate.close();
    this.#deflate.close();
  }

  async #open({ stream: id, headers, fin }: Extract<Frame, { type: 'syn-stream' }>): Promise<void> {
    const fields = decodeHeaders(await transform(this.#inflate, headers));
    if (this.#streams.size >= mostStreams || this.#streams.has(id)) {
      this.#send({ type: 'reset', stream: id, status: refusedStream });
      return;
    }
    const stream = new SpdyStream(
      id,
      (frame, done) => this.#send(frame, done),
      () => this.#streams.delete(id),
    );
    this.#streams.set(id, stream);
    const reply = await transform(this.#deflate, encodeHeaders(new Map()));
    this.#send({ type: 'syn-reply', stream: id, fin: false, headers: reply });
    if (fin) {
      stream.receive(Buffer.alloc(0), true);
    }
    this.#onStream(fields, stream);
  }

  #send(frame: Exclude<Frame, { type: 'other' }>, done?: () => void): void {
    if (this.#connection.destroyed || this.#connection.writableEnded) {
      done?.();
      return;
    }
    this.#connection.write(encodeFrame(frame), () => done?.());
  }
}

/** One stream. The client's windows are not kept: neither kubectl nor kubelet keeps them here. */
class SpdyStream extends Duplex {
  readonly #id: number;
  readonly #send: (frame: Exclude<Frame, { type: 'other' }>, done?: () => void) => void;
  readonly #forget: () => void;
  #hasEnded = false;

  constructor(
    id: number,
    send: (frame: Exclude<Frame, { type: 'other' }>, done?: () => void) => void,
    forget: () => void,
  ) {
    super({ allowHalfOpen: true });
    this.#id = id;
    this.#send = send;
    this.#forget = forget;
  }

  receive(payload: Buffer, fin: boolean): void {
    if (this.destroyed || this.readableEnded) {
      return;
    }
    if (payload.length > 0) this.push(payload);
    if (fin) this.push(null);
  }

  override _read(): void {
    // Frames come when they come.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send({ type: 'data', stream: this.#id, fin: false, payload: chunk }, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#hasEnded = true;
    this.#send({ type: 'data', stream: this.#id, fin: true, payload: Buffer.alloc(0) }, () => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#hasEnded) {
      this.#send({ type: 'reset', stream: this.#id, status: cancelled });
    }
    this.#forget();
    done(error);
  }
}

/** Feeds a block through a compression stream that goes on, and takes what comes out. */
function transform(stream: Inflate | Deflate, block: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const collect = (chunk: Buffer): void => {
      chunks.push(chunk);
    };
    const finish = (error?: Error): void => {
      stream.off('data', collect);
      stream.off('error', finish);
      if (error === undefined) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    stream.on('data', collect);
    stream.once('error', finish);
    stream.write(block, () => stream.flush(constants.Z_SYNC_FLUSH, () => finish()));
  });
}
