/** The real guest driver. */
import { setTimeout as delay } from 'node:timers/promises';
import { PatchbayError } from '#machinery/errors.ts';
import { QgaClient, QgaError } from '#wire/qga/qga.ts';
import type { GuestDriver, GuestExecOptions, GuestExecResult } from './driver.ts';
import { parseExecPid, parseExecStatus, parseHostname, parseInterfaces, parseOsInfo } from './parse.ts';

const REQUEST_TIMEOUT_MS = 5_000;
const EXEC_TIMEOUT_MS = 30_000;
/** Part of a command's time that one question for its end may take: a busy guest's agent is late, and tells an end only once. */
const STATUS_SHARE = 0.25;
const MAX_WAITING = 64;
const MAX_INPUT_BYTES = 1024 * 1024;

const REASONS: Readonly<Record<QgaError['failure'], string>> = {
  Timeout: 'GuestAgentTimeout',
  Closed: 'GuestAgentNotConnected',
  Protocol: 'GuestAgentProtocol',
  Refused: 'GuestAgentRefused',
};

/**
 * Makes the driver; nothing is connected before `attach`.
 * @param requestTimeoutMs how long one answer is waited for
 */
export function createGuestDriver(requestTimeoutMs = REQUEST_TIMEOUT_MS): GuestDriver {
  const channels = new Map<string, Channel>();
  const channel = (uid: string): Channel => {
    const found = channels.get(uid);
    if (found === undefined) {
      throw new PatchbayError('GuestAgentNotConnected', `the guest agent of ${uid} is not connected`);
    }
    return found;
  };
  return {
    attach(uid, socket) {
      if (channels.get(uid)?.socket !== socket) {
        channels.get(uid)?.close();
        channels.set(uid, new Channel(socket, requestTimeoutMs));
      }
    },
    detach(uid) {
      channels.get(uid)?.close();
      channels.delete(uid);
    },
    isAttached: (uid) => channels.has(uid),
    ping: async (uid) => {
      await channel(uid).request('guest-ping');
    },
    interfaces: async (uid) => parseInterfaces(await channel(uid).request('guest-network-get-interfaces')),
    osInfo: async (uid) => parseOsInfo(await channel(uid).request('guest-get-osinfo')),
    hostname: async (uid) => parseHostname(await channel(uid).request('guest-get-host-name')),
    exec: async (uid, argv, options) => exec(channel(uid), argv, options ?? {}),
    async close() {
      for (const each of channels.values()) {
        each.close();
      }
      channels.clear();
    },
  };
}

/** The agent starts a command and has to be asked for its end; the pauses grow with its run time. */
async function exec(
  channel: Channel,
  argv: readonly string[],
  options: GuestExecOptions,
): Promise<GuestExecResult> {
  const [path, ...arg] = argv;
  if (path === undefined) {
    throw new PatchbayError('GuestExecInvalid', 'guest-exec: an empty command', { retryable: false });
  }
  const input = Buffer.from(options.input ?? '');
  if (input.length > MAX_INPUT_BYTES) {
    throw new PatchbayError(
      'GuestExecInvalid',
      `guest-exec: ${input.length} bytes of input; allowed: at most ${MAX_INPUT_BYTES}`,
      { retryable: false },
    );
  }
  const total = options.timeoutMs ?? EXEC_TIMEOUT_MS;
  const deadline = performance.now() + total;
  const request = {
    path,
    arg,
    'capture-output': true,
    ...(options.input === undefined ? {} : { 'input-data': input.toString('base64') }),
  };
  const patience = Math.max(channel.requestTimeoutMs, total * STATUS_SHARE);
  const left = (): number => Math.max(1, Math.min(patience, deadline - performance.now()));
  const pid = parseExecPid(await channel.request('guest-exec', request, left()));
  for (let pause = 5; ; pause = Math.min(pause * 1.5, 250)) {
    const result = parseExecStatus(await channel.request('guest-exec-status', { pid }, left()));
    if (result !== undefined) {
      return result;
    }
    if (performance.now() + pause > deadline) {
      throw new PatchbayError(
        'GuestAgentTimeout',
        `guest-exec: \`${argv.join(' ').slice(0, 200)}\` still runs after ${total} ms`,
      );
    }
    await delay(pause);
  }
}

/** One guest's agent: requests in line, a connection made when one is needed. */
class Channel {
  readonly socket: string;
  readonly requestTimeoutMs: number;
  #client: QgaClient | undefined;
  #line: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(socket: string, requestTimeoutMs: number) {
    this.socket = socket;
    this.requestTimeoutMs = requestTimeoutMs;
  }

  async request(
    command: string,
    args?: Readonly<Record<string, unknown>>,
    timeoutMs = this.requestTimeoutMs,
  ): Promise<unknown> {
    if (this.#waiting >= MAX_WAITING) {
      throw new PatchbayError('GuestAgentBusy', `guest agent: ${MAX_WAITING} requests are waiting already`);
    }
    this.#waiting++;
    const turn = this.#line.then(() => this.#execute(command, args, timeoutMs));
    this.#line = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      this.#waiting--;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.close();
    this.#client = undefined;
  }

  async #execute(
    command: string,
    args: Readonly<Record<string, unknown>> | undefined,
    timeoutMs: number,
  ): Promise<unknown> {
    try {
      return await (await this.#connected()).execute(command, args, timeoutMs);
    } catch (cause) {
      if (cause instanceof QgaError) {
        throw new PatchbayError(REASONS[cause.failure], `guest agent: ${cause.message}`, {
          cause,
          retryable: cause.failure !== 'Refused',
        });
      }
      throw cause;
    }
  }

  async #connected(): Promise<QgaClient> {
    if (this.#isClosed) {
      throw new QgaError('Closed', 'the guest agent was detached');
    }
    if (this.#client === undefined || this.#client.isClosed) {
      this.#client = await QgaClient.connect(this.socket);
    }
    return this.#client;
  }
}
