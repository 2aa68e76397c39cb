/** Port-forwarding: SPDY inside a WebSocket, as kubectl sends it; each connection has an error and a data stream. */
import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket } from 'ws';
import type { ContainerDriver } from '#drivers/pod/driver.ts';
import { serveSpdy } from '#wire/spdy/session.ts';

/** Subprotocol: SPDY frames in binary messages. */
export const portForwardProtocol = 'SPDY/3.1+portforward.k8s.io';

/** Serves a client's connections to ports of the pod's own addresses. */
export function servePorts(driver: ContainerDriver, netns: string, socket: WebSocket): void {
  const tunnel = createWebSocketStream(socket, { allowHalfOpen: false });
  tunnel.on('error', () => tunnel.destroy());
  const errors = new Map<string, Duplex>();
  serveSpdy(tunnel, (headers, stream) => {
    stream.on('error', () => stream.destroy());
    const id = headers.get('requestid') ?? '';
    const port = Number(headers.get('port'));
    if (headers.get('streamtype') === 'error') {
      errors.set(id, stream);
      stream.resume();
      stream.once('close', () => errors.delete(id));
      return;
    }
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      tell(errors.get(id), `port ${JSON.stringify(headers.get('port'))} is no port`);
      stream.destroy();
      return;
    }
    forward(driver, netns, port, stream, (why) => tell(errors.get(id), why));
  });
}

function forward(
  driver: ContainerDriver,
  netns: string,
  port: number,
  stream: Duplex,
  finish: (why: string | undefined) => void,
): void {
  const session = driver.connect(netns, port);
  let said = '';
  session.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString().slice(0, 1024);
  });
  stream.pipe(session.stdin);
  session.stdout.pipe(stream);
  stream.once('close', () => session.kill());
  const ended = session.exited.then((status) =>
    status === 0 ? undefined : `an error occurred forwarding ${port} -> ${port}: ${reasonOf(said)}`,
  );
  void ended.catch(String).then(finish);
}

/** The end of socat's line: `… E connect(5, AF=2 127.0.0.1:80, 16): Connection refused`. */
function reasonOf(said: string): string {
  return (
    said
      .trim()
      .split('\n')
      .at(-1)
      ?.replace(/^.*? E /, '') || 'the connection ended'
  );
}

function tell(stream: Duplex | undefined, why: string | undefined): void {
  if (why === undefined) {
    stream?.end();
  } else {
    stream?.end(why);
  }
}
