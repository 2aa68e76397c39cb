/** Bodies that never end: each request has a time for its own, unless whoever serves it lets it take longer. */
import { constants } from 'node:http2';
import type { Incoming, Outgoing } from './exchange.ts';

/** How long a body may take, in milliseconds: kube-apiserver's `--request-timeout`. */
const uploadMs = 60_000;

/** Requests whose body is on its way. */
const running = new WeakMap<Incoming, NodeJS.Timeout>();

/** Ends a request whose body is not there after `ms`: 408 and the end of the connection, or of the stream of HTTP/2. */
export function limitUpload(request: Incoming, response: Outgoing, ms = uploadMs): void {
  if (!hasBody(request)) {
    return;
  }
  const timer = setTimeout(() => cut(request, response), ms);
  running.set(request, timer);
  const done = (): void => clearTimeout(timer);
  request.once('end', done);
  request.once('close', done);
}

/** Lets a body take as long as it takes: what is passed on into a pod is a matter between client and pod. */
export function allowLongUpload(request: Incoming): void {
  clearTimeout(running.get(request));
}

function hasBody(request: Incoming): boolean {
  if ('stream' in request) {
    return !request.stream.endAfterHeaders;
  }
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  return encoding !== undefined || (length !== undefined && length !== '0');
}

function cut(request: Incoming, response: Outgoing): void {
  if ('stream' in request) {
    request.stream.close(constants.NGHTTP2_CANCEL);
    return;
  }
  const { socket } = request;
  const told = response.headersSent ? '' : 'HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n';
  socket.end(told, () => socket.destroy());
}
