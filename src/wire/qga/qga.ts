/**
 * QEMU guest agent protocol: JSON lines over a unix socket, without greeting and without ids (qemu/docs/interop/qemu-ga).
 * The other end is the guest: everything it says is untrusted, bounded in size and may never come.
 */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { isObject, LineSplitter, parseJsonObject } from '../qmp/json-lines.ts';

/** Largest reply accepted; `guest-exec-status` carries a command's output in base64. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;
/** What a guest may say unasked before it is cut off. */
const MAX_UNASKED_BYTES = 64 * 1024;
/** Requests that a guest left unread before its channel is given up. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;
/** Marks the start of the answer to guest-sync-delimited; never part of valid UTF-8. */
const DELIMITER = 0xff;
const MAX_ERROR_TEXT = 500;

/** Why a request failed. */
export type QgaFailure = 'Timeout' | 'Closed' | 'Protocol' | 'Refused';

/** A request that the agent refused, did not answer, or answered with nonsense. */
export class QgaError extends Error {
  readonly failure: QgaFailure;

  constructor(failure: QgaFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'QgaError';
    this.failure = failure;
  }
}

interface Waiting {
  readonly resolve: (line: Buffer) => void;
  readonly reject: (error: QgaError) => void;
  readonly timer: NodeJS.Timeout;
  readonly isAnswer: (line: Buffer) => boolean;
}

/** One connection; one request at a time (the caller queues). */
export class QgaClient {
  readonly #socket: Socket;
  #splitter = new LineSplitter(MAX_REPLY_BYTES);
  #waiting: Waiting | undefined;
  #unasked = 0;
  #synchronized = false;
  #failure: QgaError | undefined;

  private constructor(socket: Socket, onClose: () => void) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', (error) => this.#fail(new QgaError('Closed', error.message, error)));
    socket.on('close', () => {
      this.#fail(new QgaError('Closed', 'the guest agent channel is closed'));
      onClose();
    });
  }

  /** Opens the channel. Says nothing to the guest yet. @throws QgaError */
  static connect(path: string, onClose: () => void = () => undefined): Promise<QgaClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const client = new QgaClient(socket, onClose);
      socket.once('connect', () => resolve(client));
      socket.once('close', () => reject(client.#failure ?? new QgaError('Closed', `${path} is closed`)));
    });
  }

  get isClosed(): boolean {
    return this.#failure !== undefined;
  }

  /**
   * Runs one command. Synchronizes first when the stream's position is unknown: at the start and after a timeout.
   * @throws QgaError
   */
  async execute(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    const deadline = performance.now() + timeoutMs;
    if (!this.#synchronized) {
      await this.#synchronize(deadline);
    }
    const request = { execute: command, ...(args === undefined ? {} : { arguments: args }) };
    const line = await this.#exchange(
      Buffer.from(`${JSON.stringify(request)}\n`),
      deadline,
      command,
      () => true,
    );
    return parseReply(line, command);
  }

  close(): void {
    this.#fail(new QgaError('Closed', 'the guest agent channel was closed'));
  }

  async #synchronize(deadline: number): Promise<void> {
    const id = randomInt(1, 2 ** 31);
    const request = `${JSON.stringify({ execute: 'guest-sync-delimited', arguments: { id } })}\n`;
    // The leading delimiter makes the agent's parser drop a half-sent request before it.
    const message = Buffer.concat([Buffer.of(DELIMITER), Buffer.from(request)]);
    // Answers to requests that timed out may come first.
    await this.#exchange(message, deadline, 'guest-sync-delimited', (line) => {
      const start = line.lastIndexOf(DELIMITER);
      return start >= 0 && parseJsonObject(line.subarray(start + 1).toString())?.['return'] === id;
    });
    this.#synchronized = true;
  }

  /** Sends a request and waits for the first line that is its answer. */
  #exchange(
    message: Buffer,
    deadline: number,
    command: string,
    isAnswer: (line: Buffer) => boolean,
  ): Promise<Buffer> {
    if (this.#failure !== undefined) {
      return Promise.reject(this.#failure);
    }
    if (this.#waiting !== undefined) {
      return Promise.reject(new QgaError('Protocol', `${command} was sent while another request waits`));
    }
    if (this.#socket.writableLength > MAX_BACKLOG_BYTES) {
      this.#fail(new QgaError('Closed', 'the guest does not read its agent channel'));
      return Promise.reject(new QgaError('Closed', `${command} was not sent: the guest does not read`));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => {
          this.#waiting = undefined;
          this.#synchronized = false;
          reject(new QgaError('Timeout', `the guest agent did not answer ${command} in time`));
        },
        Math.max(0, deadline - performance.now()),
      );
      this.#waiting = { resolve, reject, timer, isAnswer };
      this.#socket.write(message);
    });
  }

  #receive(chunk: Buffer): void {
    try {
      for (const line of this.#splitter.push(chunk)) {
        this.#line(line);
      }
      this.#countUnasked(chunk.length);
    } catch (error) {
      this.#fail(
        error instanceof QgaError ? error : new QgaError('Protocol', `guest agent: ${String(error)}`),
      );
    }
  }

  #line(line: Buffer): void {
    const waiting = this.#waiting;
    if (waiting === undefined || !waiting.isAnswer(line)) {
      return;
    }
    this.#waiting = undefined;
    this.#unasked = 0;
    clearTimeout(waiting.timer);
    waiting.resolve(line);
  }

  #countUnasked(bytes: number): void {
    this.#unasked += bytes;
    if (this.#unasked > MAX_UNASKED_BYTES + MAX_REPLY_BYTES) {
      throw new QgaError('Protocol', 'the guest floods the agent channel');
    }
  }

  #fail(error: QgaError): void {
    this.#failure ??= error;
    this.#socket.destroy();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) {
      clearTimeout(waiting.timer);
      waiting.reject(this.#failure);
    }
  }
}

function parseReply(line: Buffer, command: string): unknown {
  const text = line.toString();
  const message = parseJsonObject(text);
  if (message === undefined) {
    throw new QgaError('Protocol', `the guest's answer to ${command} is no JSON object: ${printable(text)}`);
  }
  const error = message['error'];
  if (error !== undefined) {
    const body = isObject(error) ? error : {};
    throw new QgaError(
      'Refused',
      `the guest agent refused ${command}: ${printable(String(body['desc'] ?? ''))}`,
    );
  }
  if (!('return' in message)) {
    throw new QgaError('Protocol', `the guest's answer to ${command} has neither "return" nor "error"`);
  }
  return message['return'];
}

/** Guest text for a message of ours: short, and nothing a terminal would obey. */
export function printable(text: string): string {
  const cut = text.length > MAX_ERROR_TEXT ? `${text.slice(0, MAX_ERROR_TEXT)}…` : text;
  return cut.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}
