import { constants, gzip } from 'node:zlib';
import { stringify as toYaml } from 'yaml';
import type { StatusBody } from '#machinery/errors.ts';
import type { Incoming, Outgoing } from './exchange.ts';

/** Answers below this many bytes are not compressed, as in kube-apiserver. */
const gzipThreshold = 128 * 1024;

/** Most characters of warnings in one answer; more make some clients refuse the headers. */
const warningBudget = 4096;

/** An answer that is ready to be sent. */
export interface Answer {
  readonly code: number;
  /** JSON text, or something else when `contentType` says so. */
  readonly body: string | Buffer;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer whose connection is used further: a watch. It is called once the head may be sent. */
export interface StreamAnswer {
  readonly stream: (response: Outgoing) => void;
  /** What it will be answered with, for metrics and the audit log; absent: 200. */
  readonly code?: number;
  /** To be called once when nobody wants it any more. */
  readonly release?: () => void;
}

/** A long answer of JSON that is made while it is sent (`sendPieces`), so that it is never in memory as a whole. */
export interface PiecesAnswer {
  readonly code: number;
  /** Texts in order; many small ones are sent together. */
  readonly pieces: Iterable<string>;
  /** To be called once when the pieces were taken, or nobody wants them. */
  readonly release: () => void;
}

/** An answer of one object that is text already. */
export function jsonText(body: string, code = 200): Answer {
  return { code, body };
}

/** An answer of one value. */
export function json(value: unknown, code = 200): Answer {
  return { code, body: JSON.stringify(value) };
}

/** Plain text. */
export function text(body: string, code = 200): Answer {
  return { code, body, contentType: 'text/plain; charset=utf-8' };
}

/** The answer of a refusal. */
export function statusAnswer(status: StatusBody): Answer {
  if (isNoSuchPath(status)) {
    // Upstream's mux answers such paths; clients put their own words to what is no Status.
    return text('404 page not found\n', 404);
  }
  const seconds = status.details?.retryAfterSeconds;
  return {
    ...json({ kind: 'Status', apiVersion: 'v1', metadata: {}, ...status }, status.code ?? 500),
    ...(seconds === undefined ? {} : { headers: { 'retry-after': String(seconds) } }),
  };
}

/** True for a path that is served by nothing: the Status is about no object. */
function isNoSuchPath({ code, details }: StatusBody): boolean {
  return code === 404 && details !== undefined && Object.keys(details).length === 0;
}

/** Turns a JSON answer into YAML. */
export function asYaml(given: Answer | PiecesAnswer): Answer {
  const answer = 'pieces' in given ? whole(given) : given;
  const body = toYaml(JSON.parse(String(answer.body)), { version: '1.1', aliasDuplicateObjects: false });
  return { ...answer, body, contentType: 'application/yaml' };
}

function whole({ code, pieces, release }: PiecesAnswer): Answer {
  try {
    return jsonText([...pieces].join(''), code);
  } finally {
    release();
  }
}

/** Writes warnings as `Warning: 299` headers (RFC 7234, 5.5). */
export function setWarnings(response: Outgoing, warnings: readonly string[]): void {
  let left = warningBudget;
  const values: string[] = [];
  for (const warning of new Set(warnings)) {
    const words = quotable(warning).slice(0, left);
    left -= words.length;
    if (words !== '') {
      values.push(`299 - "${words.replaceAll(/["\\]/g, '\\$&')}"`);
    }
  }
  if (values.length > 0) {
    // Headers are bytes to Node: UTF-8 goes through as Latin-1.
    response.setHeader(
      'warning',
      values.map((value) => Buffer.from(value, 'utf8').toString('latin1')),
    );
  }
}

function quotable(warning: string): string {
  return warning.replaceAll(/\p{Cc}+/gu, ' ').trim();
}

/** Sends an answer, compressed when it is big and the client takes it. */
export function send(request: Incoming, response: Outgoing, answer: Answer): void {
  beginJson(response, answer.code);
  if (answer.contentType !== undefined) {
    response.setHeader('content-type', answer.contentType);
  }
  for (const [name, value] of Object.entries(answer.headers ?? {})) {
    response.setHeader(name, value);
  }
  if (request.method === 'HEAD' || answer.code === 304) {
    response.end();
    return;
  }
  if (answer.body.length < gzipThreshold || !takesGzip(request)) {
    const bytes = Buffer.from(answer.body);
    response.setHeader('content-length', bytes.length);
    response.end(bytes);
    return;
  }
  gzip(answer.body, { level: constants.Z_BEST_SPEED }, (error, bytes) => {
    if (error === null) {
      response.setHeader('content-encoding', 'gzip');
      response.setHeader('vary', 'Accept-Encoding');
      response.end(bytes);
    } else {
      response.end(answer.body);
    }
  });
}

/** The head of an answer in JSON. */
export function beginJson(response: Outgoing, code: number): void {
  response.statusCode = code;
  response.setHeader('content-type', 'application/json');
  response.setHeader('cache-control', 'no-cache, private');
}

/** Whether the client reads gzip. */
export function takesGzip(request: Incoming): boolean {
  return /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
}
