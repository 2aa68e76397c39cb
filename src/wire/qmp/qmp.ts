/** QEMU Machine Protocol: JSON lines over a unix socket (qemu/docs/interop/qmp-spec.txt). */
import { connect, type Socket } from 'node:net';
import { isObject, LineSplitter, parseJsonObject } from './json-lines.ts';

/** Replies are small; the largest regular one (query-qmp-schema) has 300 KB. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;
const MAX_PENDING = 256;
const DEFAULT_TIMEOUT_MS = 10_000;

/** An asynchronous message of QEMU. */
export interface QmpEvent {
  /** `SHUTDOWN`, `VSERPORT_CHANGE`, … */
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Milliseconds since the epoch by QEMU's clock. */
  readonly timestamp: number;
}

/** A command that QEMU refused, or a connection that failed. */
export class QmpError extends Error {
  /** QEMU's error class (`GenericError`, `CommandNotFound`, `DeviceNotFound`), `Timeout`, `Closed` or `Protocol`. */
  readonly errorClass: string;

  constructor(errorClass: string, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'QmpError';
    this.errorClass = errorClass;
  }
}

export interface QmpOptions {
  /** Time for connection and greeting, ms; default 10,000. */
  readonly timeoutMs?: number;
  readonly onEvent?: (event: QmpEvent) => void;
  /** The connection is gone; called once, also after `close()`. */
  readonly onClose?: (error: Error | undefined) => void;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpError) => void;
  readonly timer: NodeJS.Timeout;
}

/** One connection, past greeting and `qmp_capabilities`. Commands may overlap; replies are matched by id. */
export class QmpClient {
  readonly #socket: Socket;
  readonly #options: QmpOptions;
  readonly #splitter = new LineSplitter(MAX_LINE_BYTES);
  readonly #pending = new Map<string, Pending>();
  #greeted: (() => void) | undefined;
  #nextId = 1;
  #closed = false;
  #failure: Error | undefined;

  private constructor(socket: Socket, options: QmpOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#end());
  }

  /** Connects to a socket, waits for the greeting and negotiates. @throws QmpError */
  static async connect(path: string, options: QmpOptions = {}): Promise<QmpClient> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const client = new QmpClient(connect(path), options);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        client.#fail(new QmpError('Timeout', `no QMP greeting on ${path} within ${timeoutMs} ms`));
      }, timeoutMs);
      client.#greeted = () => {
        clearTimeout(timer);
        resolve();
      };
      client.#socket.once('close', () => {
        clearTimeout(timer);
        reject(client.#closedError(`the QMP connection to ${path} failed`));
      });
    });
    await client.execute('qmp_capabilities', undefined, timeoutMs);
    return client;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Runs one command and returns its `return` value. @throws QmpError */
  execute(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    timeoutMs = DEFAULT_TIMEOUT_MS,
  ): Promise<unknown> {
    if (this.#closed) {
      return Promise.reject(this.#closedError(`QMP ${command} was not sent`));
    }
    if (this.#pending.size >= MAX_PENDING) {
      return Promise.reject(
        new QmpError('Protocol', `QMP ${command}: ${MAX_PENDING} commands are waiting already`),
      );
    }
    const id = String(this.#nextId++);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new QmpError('Timeout', `QMP ${command} was not answered within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, { command, resolve, reject, timer });
      const request = { execute: command, ...(args === undefined ? {} : { arguments: args }), id };
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
  }

  /** Drops the connection; QEMU runs on. */
  close(): void {
    this.#socket.destroy();
    this.#end();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#splitter.push(chunk)) {
        const text = line.toString().trim();
        if (text !== '') {
          this.#message(text);
        }
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #message(text: string): void {
    const message = parseJsonObject(text);
    if (message === undefined) {
      throw new QmpError('Protocol', `QMP message is no JSON object: ${text.slice(0, 200)}`);
    }
    if ('QMP' in message) {
      this.#greeted?.();
      this.#greeted = undefined;
    } else if (typeof message['event'] === 'string') {
      this.#options.onEvent?.({
        name: message['event'],
        data: isObject(message['data']) ? message['data'] : {},
        timestamp: timestampOf(message['timestamp']),
      });
    } else {
      this.#reply(message);
    }
  }

  #reply(message: Readonly<Record<string, unknown>>): void {
    const id = typeof message['id'] === 'string' ? message['id'] : '';
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      // The reply to a command that timed out.
      return;
    }
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    const error = message['error'];
    if (error === undefined) {
      pending.resolve(message['return']);
      return;
    }
    const body = isObject(error) ? error : {};
    const reason = typeof body['class'] === 'string' ? body['class'] : 'GenericError';
    pending.reject(new QmpError(reason, `QMP ${pending.command}: ${String(body['desc'] ?? 'refused')}`));
  }

  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new QmpError('Protocol', String(error));
    this.#socket.destroy();
  }

  #end(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    for (const pending of this.#pending.values()) {
      clearTimeout(pending.timer);
      pending.reject(this.#closedError(`QMP ${pending.command} got no answer`));
    }
    this.#pending.clear();
    this.#options.onClose?.(this.#failure);
  }

  #closedError(what: string): QmpError {
    if (this.#failure instanceof QmpError) {
      return this.#failure;
    }
    const why = this.#failure === undefined ? 'the connection is closed' : this.#failure.message;
    return new QmpError('Closed', `${what}: ${why}`, this.#failure);
  }
}

function timestampOf(value: unknown): number {
  if (!isObject(value)) {
    return 0;
  }
  return Number(value['seconds'] ?? 0) * 1000 + Math.floor(Number(value['microseconds'] ?? 0) / 1000);
}
