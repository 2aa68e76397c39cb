/** Long answers, piece by piece: as fast as the client reads, and as the server has time for it. */
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { beginJson, type PiecesAnswer, takesGzip } from './answer.ts';
import { type Incoming, type Outgoing, writeNow } from './exchange.ts';

/** Has the next piece made and sent when it is its turn. */
export type Pace = <T>(make: () => T) => Promise<T>;

/** Bytes that are made, encrypted and sent at once: about a third of a millisecond. */
const pieceSize = 64 * 1024;

/** Where pieces go. */
interface Sink {
  /** Rejects when the client is gone. */
  readonly gone: Promise<unknown>;
  /** Resolves when the bytes may be overwritten. */
  write(bytes: Buffer): Promise<void>;
  end(): Promise<void>;
}

/**
 * Sends a long answer and resolves with its length in bytes before compression. Rejects when a piece cannot be made or the
 * client is gone; then the connection is cut, so that nobody takes what was sent for all of it.
 */
export async function sendPieces(
  request: Incoming,
  response: Outgoing,
  { code, pieces, release }: PiecesAnswer,
  pace: Pace,
): Promise<number> {
  const texts = pieces[Symbol.iterator]();
  let over = false;
  try {
    beginJson(response, code);
    if (request.method === 'HEAD') {
      response.end();
      return 0;
    }
    const sink = takesGzip(request) ? compressed(response) : plain(response);
    const filler = new Filler(texts);
    let size = 0;
    for (;;) {
      const turn = pace(() => {
        const bytes = over ? undefined : filler.next();
        return bytes === undefined
          ? undefined
          : { length: bytes.length, sent: sink.write(bytes).catch(isGone) };
      });
      const piece = await orGone(turn, sink);
      if (piece === undefined) {
        await sink.end();
        return size;
      }
      await orGone(piece.sent, sink);
      size += piece.length;
    }
  } catch (error) {
    response.destroy();
    throw error;
  } finally {
    over = true;
    texts.return?.();
    release();
  }
}

async function orGone<T>(result: Promise<T>, { gone }: Sink): Promise<T> {
  result.catch(() => undefined); // when both fail, one is told
  return (await Promise.race([result, gone])) as T; // `gone` never resolves before the end
}

/** What sending is rejected with when nobody is there any more. */
export class ClientGone extends Error {
  override name = 'ClientGone';

  constructor(options?: ErrorOptions) {
    super('the client has closed its connection', options);
  }
}

function isGone(cause: unknown): never {
  throw new ClientGone({ cause });
}

function plain(response: Outgoing): Sink {
  const { promise: gone, reject } = Promise.withResolvers<never>();
  response.on('close', () => reject(new ClientGone()));
  gone.catch(() => undefined); // also comes after the end
  return {
    gone,
    write: (bytes) => writeNow(response, bytes),
    end: () => {
      response.end();
      return Promise.resolve();
    },
  };
}

function compressed(response: Outgoing): Sink {
  response.setHeader('content-encoding', 'gzip');
  response.setHeader('vary', 'Accept-Encoding');
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  // Both protocols' answers are streams; the narrow view leaves that out.
  const sent = pipeline(gzip, response as unknown as Writable).catch(isGone);
  sent.catch(() => undefined); // also comes after what was told already
  return {
    gone: sent,
    write: (bytes) =>
      new Promise((resolve, reject) => {
        gzip.write(bytes, (error) => (error instanceof Error ? reject(error) : resolve()));
      }),
    end: () => {
      gzip.end();
      return sent;
    },
  };
}

/** Puts texts together to pieces, in one buffer: neither strings nor buffers of that size are left for the collector. */
class Filler {
  readonly #texts: Iterator<string>;
  readonly #buffer = Buffer.allocUnsafeSlow(pieceSize);
  /** The text that did not fit. */
  #next: string | undefined;

  constructor(texts: Iterator<string>) {
    this.#texts = texts;
  }

  /** The next piece; undefined at the end. It is overwritten by the one after it. */
  next(): Buffer | undefined {
    let filled = 0;
    for (;;) {
      const text = this.#next ?? this.#take();
      this.#next = undefined;
      if (text === undefined) {
        return filled === 0 ? undefined : this.#buffer.subarray(0, filled);
      }
      // UTF-8 has at most three bytes for a UTF-16 unit.
      if (text.length * 3 <= pieceSize - filled) {
        filled += this.#buffer.write(text, filled);
      } else if (filled === 0) {
        return Buffer.from(text);
      } else {
        this.#next = text;
        return this.#buffer.subarray(0, filled);
      }
    }
  }

  #take(): string | undefined {
    const { done, value } = this.#texts.next();
    return done === true ? undefined : value;
  }
}
