/** Commands in containers and their own input and output, over a WebSocket with channels. */
import type { Readable } from 'node:stream';
import type { WebSocket } from 'ws';
import { formatEntry, LogFollower } from '#drivers/pod/cri-log.ts';
import type { ContainerDriver, ContainerView, ExecSession, TerminalSize } from '#drivers/pod/driver.ts';
import { messageOf } from '#machinery/errors.ts';
import {
  channels,
  decodeChannel,
  decodeResize,
  encodeChannel,
  exitStatus,
} from '#wire/websocket-channels.ts';
import { added } from './follow.ts';

/** What the client asked for. */
export interface CommandQuery {
  readonly argv: readonly string[];
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** Reads it from a URL. Pure. */
export function readCommand(query: URLSearchParams): CommandQuery {
  const has = (key: string): boolean => ['true', '1'].includes(query.get(key) ?? '');
  return {
    argv: query.getAll('command'),
    stdin: has('stdin'),
    stdout: has('stdout'),
    stderr: has('stderr'),
    tty: has('tty'),
  };
}

/** Runs a command and joins it to the client. */
export async function serveExec(
  driver: ContainerDriver,
  view: ContainerView,
  query: CommandQuery,
  socket: WebSocket,
): Promise<void> {
  // Listening begins at once: what the client sends while the command starts is kept.
  const input = takeInput(socket);
  let session: ExecSession;
  try {
    session = await driver.exec(view.id, { argv: query.argv, terminal: query.tty, stdin: query.stdin });
  } catch (error) {
    finish(socket, failure(error));
    return;
  }
  let hasEnded = false;
  socket.once('close', () => {
    if (!hasEnded) session.kill();
  });
  input.join(session);
  const sent = [
    send(socket, channels.stdout, session.stdout, query.stdout),
    send(socket, channels.stderr, session.stderr, query.stderr),
  ];
  try {
    const status = await session.exited;
    hasEnded = true;
    await Promise.all(sent);
    finish(socket, exitStatus(status));
  } catch (error) {
    hasEnded = true;
    finish(socket, failure(error));
  }
}

/** Joins the client to a container: output from its log as it grows, input to its monitor. */
export async function serveAttach(
  driver: ContainerDriver,
  view: ContainerView,
  query: CommandQuery,
  socket: WebSocket,
): Promise<void> {
  const input = takeInput(socket);
  const follower = await LogFollower.atEnd(view.logFile);
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  try {
    if (query.stdin) {
      const session = await driver.attachInput(view.id);
      socket.once('close', () => session.stdin.end());
      input.join(session);
    } else if (view.container.terminal) {
      input.resizeBy((size) => driver.resize(view.id, size));
    }
    for await (const entry of added(driver, view, follower, gone.signal)) {
      const isWanted = entry.stream === 'stdout' ? query.stdout : query.stderr;
      if (isWanted) await write(socket, channels[entry.stream], formatEntry(entry, false));
    }
    finish(socket, exitStatus(0));
  } catch (error) {
    finish(socket, failure(error));
  }
}

interface Input {
  join(session: Pick<ExecSession, 'stdin' | 'resize'>): void;
  resizeBy(resize: (size: TerminalSize) => Promise<void>): void;
}

/** Collects what the client sends until there is somebody to take it. */
function takeInput(socket: WebSocket): Input {
  const early: Buffer[] = [];
  let take = (message: Buffer): void => void early.push(message);
  socket.on('message', (message: Buffer) => take(message));
  const use = (stdin: ExecSession['stdin'] | undefined, resize: ExecSession['resize']): void => {
    take = (message) => deliver(socket, message, stdin, resize);
    for (const message of early.splice(0)) take(message);
  };
  return {
    join: ({ stdin, resize }) => use(stdin, resize),
    resizeBy: (resize) => use(undefined, resize),
  };
}

function deliver(
  socket: WebSocket,
  message: Buffer,
  stdin: ExecSession['stdin'] | undefined,
  resize: ExecSession['resize'],
): void {
  const decoded = decodeChannel(message);
  if (decoded === undefined) {
    return;
  }
  if (decoded.type === 'close') {
    if (decoded.channel === channels.stdin) stdin?.end();
    return;
  }
  if (decoded.channel === channels.stdin && stdin !== undefined && !stdin.writableEnded) {
    if (!stdin.write(decoded.payload)) {
      socket.pause();
      stdin.once('drain', () => socket.resume());
      stdin.once('close', () => socket.resume());
    }
  } else if (decoded.channel === channels.resize) {
    const size = decodeResize(decoded.payload);
    // A terminal that is gone has no size.
    if (size !== undefined) resize(size).catch(() => undefined);
  }
}

/** Sends a stream on a channel; resolves at its end. */
async function send(socket: WebSocket, channel: number, from: Readable, wanted: boolean): Promise<void> {
  if (!wanted) {
    from.resume();
    return;
  }
  for await (const chunk of from as AsyncIterable<Buffer>) {
    await write(socket, channel, chunk);
  }
}

/** Resolves when the message is on its way, so that a slow client slows the command down. */
function write(socket: WebSocket, channel: number, payload: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    socket.send(encodeChannel(channel, payload), { binary: true }, () => resolve());
  });
}

function finish(socket: WebSocket, status: Readonly<Record<string, unknown>>): void {
  socket.send(encodeChannel(channels.error, Buffer.from(JSON.stringify(status))), { binary: true }, () =>
    socket.close(1000),
  );
}

function failure(error: unknown): Readonly<Record<string, unknown>> {
  return { metadata: {}, status: 'Failure', reason: 'InternalError', message: messageOf(error), code: 500 };
}
