import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { PatchbayError } from '#machinery/errors.ts';

/** Opens a byte stream to a server; rejects when it cannot be reached. */
export type Transport = () => Promise<Duplex>;

/**
 * The transport of an OVSDB remote such as `unix:/run/openvswitch/db.sock`.
 * @throws PatchbayError `InvalidRemote` for a method that is not spoken
 */
export function transportOf(remote: string): Transport {
  if (!remote.startsWith('unix:/')) {
    throw new PatchbayError('InvalidRemote', `OVSDB remote "${remote}": allowed is unix:/ABSOLUTE/PATH`, {
      retryable: false,
    });
  }
  return unixTransport(remote.slice('unix:'.length));
}

/** Connects to a unix stream socket at an absolute path. */
function unixTransport(path: string): Transport {
  return () =>
    new Promise((resolve, reject) => {
      const socket = connect(path);
      const fail = (cause: Error): void =>
        reject(
          new PatchbayError('ConnectionFailed', `cannot connect to ${path}: ${cause.message}`, { cause }),
        );
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.off('error', fail);
        resolve(socket);
      });
    });
}
