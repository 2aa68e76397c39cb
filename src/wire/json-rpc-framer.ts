import { PatchbayError } from '#machinery/errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * Cuts a stream of JSON texts that follow each other without delimiter (JSON-RPC 1.0 over a stream, as OVSDB speaks
 * it) into messages. Works on bytes: every structural character of JSON is ASCII and no byte of a longer UTF-8
 * sequence is, so a chunk may end anywhere.
 */
export class JsonFramer {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @param limit longest message taken, in bytes */
  constructor(limit = 64 * 1024 * 1024) {
    this.#limit = limit;
  }

  /**
   * Takes the next bytes and returns the messages they complete, in order. Throws PatchbayError (`ProtocolError`) when
   * a message is no JSON object or array or longer than the limit; the stream is then of no further use.
   */
  push(chunk: Buffer): unknown[] {
    const messages: unknown[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at += 1) {
      if (this.#step(chunk[at] ?? 0)) {
        messages.push(this.#finish(chunk.subarray(start, at + 1)));
        start = at + 1;
      } else if (this.#depth === 0) {
        start = at + 1;
      }
    }
    this.#keep(chunk.subarray(start));
    return messages;
  }

  /** Reads one byte; true when it closes a message. */
  #step(byte: number): boolean {
    if (this.#inString) {
      this.#stepString(byte);
      return false;
    }
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      this.#depth += 1;
    } else if (this.#depth === 0) {
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) {
        throw protocolError(`byte 0x${byte.toString(16)} between messages; each must be a JSON object`);
      }
    } else if (byte === QUOTE) {
      this.#inString = true;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#depth -= 1;
      return this.#depth === 0;
    }
    return false;
  }

  #stepString(byte: number): void {
    if (this.#escaped) {
      this.#escaped = false;
    } else if (byte === BACKSLASH) {
      this.#escaped = true;
    } else if (byte === QUOTE) {
      this.#inString = false;
    }
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) {
      return;
    }
    this.#size += rest.length;
    if (this.#size > this.#limit) {
      throw protocolError(`message is longer than the ${this.#limit} bytes allowed`);
    }
    this.#parts.push(rest);
  }

  #finish(last: Buffer): unknown {
    this.#keep(last);
    const text =
      this.#parts.length === 1 ? last.toString('utf8') : Buffer.concat(this.#parts).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw protocolError('message is no JSON', cause);
    }
  }
}

function protocolError(message: string, cause?: unknown): PatchbayError {
  return new PatchbayError('ProtocolError', `JSON-RPC: ${message}`, { cause });
}
