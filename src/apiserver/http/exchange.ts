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
  write(chunk: string | Buffer): boolean;
  end(chunk?: string | Buffer): unknown;
  destroy(): unknown;
  on(event: 'close' | 'drain' | 'error', listener: (error?: Error) => void): unknown;
  flushHeaders?(): void;
}

/** The narrow view of an answer. */
export function outgoing(response: ServerResponse | Http2ServerResponse): Outgoing {
  return response as unknown as Outgoing;
}
