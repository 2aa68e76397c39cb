import type { Duplex } from 'node:stream';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { JsonFramer } from './json-rpc-framer.ts';

/** Settings of a connection. */
export interface JsonRpcOptions {
  /** Called for each notification, in order with the answers of requests. */
  readonly onNotification?: (method: string, params: readonly unknown[]) => void;
  /** Longest message taken, bytes. */
  readonly maxMessageBytes?: number;
  /** Most requests that may wait for an answer at once; default 1024. */
  readonly maxPending?: number;
}

interface Pending {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** The peer's refusal of a request. */
export class JsonRpcError extends PatchbayError {
  /** `error` member of the answer, as it came. */
  readonly detail: unknown;

  constructor(method: string, detail: unknown) {
    super('RequestRefused', `${method}: peer answered error ${JSON.stringify(detail)}`);
    this.name = 'JsonRpcError';
    this.detail = detail;
  }
}

/**
 * JSON-RPC 1.0 over any byte stream (RFC 7047 section 4). Answers `echo` requests by itself. When the stream ends or
 * speaks something else, every waiting request rejects with `ConnectionFailed` and `closed` resolves with the reason.
 */
export class JsonRpcConnection {
  readonly closed: Promise<Error>;
  readonly #stream: Duplex;
  readonly #framer: JsonFramer;
  readonly #options: JsonRpcOptions;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #end: Error | undefined;
  #resolveClosed: (reason: Error) => void = () => undefined;

  constructor(stream: Duplex, options: JsonRpcOptions = {}) {
    this.#stream = stream;
    this.#options = options;
    this.#framer = new JsonFramer(options.maxMessageBytes);
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', (cause) => this.close(connectionFailed(messageOf(cause), cause)));
    stream.on('end', () => this.close(connectionFailed('the peer closed the connection')));
    stream.on('close', () => this.close(connectionFailed('the peer closed the connection')));
  }

  /**
   * Sends a request and resolves with its `result`.
   * @param timeoutMs milliseconds to wait for the answer
   * @throws JsonRpcError when the peer refuses; PatchbayError `ConnectionFailed` or `Timeout`
   */
  request(method: string, params: readonly unknown[], timeoutMs = 30_000): Promise<unknown> {
    if (this.#end !== undefined) {
      return Promise.reject(this.#end);
    }
    if (this.#pending.size >= (this.#options.maxPending ?? 1024)) {
      return Promise.reject(
        new PatchbayError('Busy', `${method}: ${this.#pending.size} requests wait for answers already`),
      );
    }
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new PatchbayError('Timeout', `${method}: no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, { method, resolve, reject, timer });
      this.#send({ method, params, id });
    });
  }

  /** Ends the connection; idempotent. */
  close(reason: Error = connectionFailed('closed by this side')): void {
    if (this.#end !== undefined) {
      return;
    }
    this.#end = reason;
    this.#stream.destroy();
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(reason);
    }
    this.#pending.clear();
    this.#resolveClosed(reason);
  }

  #send(message: unknown): void {
    this.#stream.write(JSON.stringify(message));
  }

  #receive(chunk: Buffer): void {
    try {
      for (const message of this.#framer.push(chunk)) {
        this.#dispatch(message);
      }
    } catch (cause) {
      this.close(connectionFailed(messageOf(cause), cause));
    }
  }

  #dispatch(message: unknown): void {
    const { id, method, params, result, error } = message as Readonly<Record<string, unknown>>;
    if (typeof method === 'string') {
      const list = Array.isArray(params) ? params : [];
      if (id === null || id === undefined) {
        this.#options.onNotification?.(method, list);
      } else if (method === 'echo') {
        this.#send({ id, result: list, error: null });
      } else {
        this.#send({ id, result: null, error: { error: 'unknown method', details: method } });
      }
      return;
    }
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (pending === undefined || typeof id !== 'number') {
      return; // The answer of a request that timed out.
    }
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    if (error === null || error === undefined) {
      pending.resolve(result);
    } else {
      pending.reject(new JsonRpcError(pending.method, error));
    }
  }
}

function connectionFailed(message: string, cause?: unknown): PatchbayError {
  return new PatchbayError('ConnectionFailed', `JSON-RPC: ${message}`, { cause });
}
