import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** A request over HTTP/1.1 or HTTP/2. */
export type Incoming = IncomingMessage | Http2ServerRequest;

/** Its answer. Both protocols share the methods used here; their overloads do not unify, hence the narrow view. */
export interface Outgoing {
  statusCode: number;
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  readonly destroyed?: boolean;
  setHeader(name: string, value: string | number | readonly string[]): unknown;
  write(chunk: string | Buffer, done?: (error?: Error | null) => void): boolean;
  end(chunk?: string | Buffer): unknown;
  destroy(): unknown;
  on(event: 'close' | 'drain' | 'error', listener: (error?: Error) => void): unknown;
  flushHeaders?(): void;
}

/** The narrow view of an answer. */
export function outgoing(response: ServerResponse | Http2ServerResponse): Outgoing {
  return response as unknown as Outgoing;
}

/**
 * Writes and encrypts at once, where Node would wait for the end of what runs now: who counts time sees what it costs.
 * Resolves when the bytes may be overwritten.
 */
export function writeNow(response: Outgoing, bytes: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null): void => (error instanceof Error ? reject(error) : resolve());
  const socket = 'stream' in response ? undefined : (response as unknown as ServerResponse).socket;
  socket?.cork();
  response.write(bytes, done);
  socket?.uncork();
  return promise;
}
