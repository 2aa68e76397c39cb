import { connect, type Socket } from 'node:net';

const HELLO = 0;
const ECHO_REQUEST = 2;
const ECHO_REPLY = 3;
const HEADER = 8;
/** OpenFlow 1.4 `OFPT_HELLO` without elements. */
const HELLO_MESSAGE = Buffer.from([5, HELLO, 0, HEADER, 0, 0, 0, 1]);

/**
 * Notices that ovs-vswitchd came (back): flows live in its memory only, and its restart changes nothing in the
 * database. Holds an OpenFlow connection to a bridge's management socket, answers its echo requests, and calls
 * `onPresent` each time the switch has greeted. Ends with `signal`.
 */
export function watchPresence(socketPath: string, onPresent: () => void, signal: AbortSignal): void {
  const pauses = { first: 20, longest: 1_000 };
  let pause = pauses.first;
  const open = (): void => {
    if (signal.aborted) {
      return;
    }
    const socket = connect(socketPath);
    const onAbort = (): void => {
      socket.destroy();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    answer(socket, () => {
      pause = pauses.first;
      onPresent();
    });
    socket.on('error', () => socket.destroy()); // `close` follows and tries again.
    socket.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      const timer = setTimeout(open, pause);
      timer.unref();
      pause = Math.min(pause * 2, pauses.longest);
    });
  };
  open();
}

/** Speaks the least of OpenFlow that keeps a connection. */
function answer(socket: Socket, onHello: () => void): void {
  let buffered = Buffer.alloc(0);
  socket.write(HELLO_MESSAGE);
  socket.on('data', (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= HEADER) {
      const length = buffered.readUInt16BE(2);
      if (length < HEADER) {
        socket.destroy();
        return;
      }
      if (buffered.length < length) {
        return;
      }
      const message = Buffer.from(buffered.subarray(0, length));
      buffered = buffered.subarray(length);
      if (message[1] === HELLO) {
        onHello();
      } else if (message[1] === ECHO_REQUEST) {
        message[1] = ECHO_REPLY;
        socket.write(message);
      }
    }
  });
}
