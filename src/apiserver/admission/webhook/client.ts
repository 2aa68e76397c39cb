/** HTTPS to webhooks: kept connections, bounded answers, and failures in Go's words, which people search for. */
import { Agent, request } from 'node:https';
import { messageOf } from '#machinery/errors.ts';
import { isRecord } from '../../registry/metadata.ts';
import type { Address } from './address.ts';

/** Most bytes of an answer: an object of 3 MiB replaced by a patch, in base64, with room to spare. */
const MAX_ANSWER = 8 * 1024 * 1024;
/** Connections to one webhook at a time; more requests wait for one of them. */
const MAX_SOCKETS = 32;
/** Agents that are kept; each has its own authorities. */
const MAX_AGENTS = 100;

/** A call that gave no answer. `code` is the HTTP status, when there was one. */
export class CallFailed extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'CallFailed';
  }
}

/** Calls webhooks. */
export class WebhookClient {
  readonly #agents = new Map<string, Agent>();

  /** Posts JSON, returns the parsed answer. Rejects with `CallFailed` after `seconds` at the latest. */
  async post(
    address: Address,
    caBundle: string | undefined,
    text: string,
    seconds: number,
  ): Promise<unknown> {
    const signal = AbortSignal.timeout(seconds * 1000);
    const agent = this.#agent(caBundle, address.serverName);
    const fail = (error: unknown) =>
      new CallFailed(
        `failed to call webhook: Post ${JSON.stringify(address.url)}: ${goWords(error, address)}`,
      );
    for (let attempt = 1; ; attempt++) {
      try {
        return await send({ agent, address, text, signal });
      } catch (error) {
        // A kept connection that the other side had just closed says nothing about the webhook.
        const stale = error instanceof Stale && attempt === 1;
        if (!stale) {
          throw error instanceof CallFailed ? error : fail(error instanceof Stale ? error.cause : error);
        }
      }
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const agent of this.#agents.values()) {
      agent.destroy();
    }
    this.#agents.clear();
  }

  #agent(caBundle: string | undefined, serverName: string): Agent {
    const key = `${serverName}\n${caBundle ?? ''}`;
    const known = this.#agents.get(key);
    if (known !== undefined) {
      return known;
    }
    const [oldest] = this.#agents.keys();
    if (this.#agents.size >= MAX_AGENTS && oldest !== undefined) {
      this.#agents.get(oldest)?.destroy();
      this.#agents.delete(oldest);
    }
    const ca = caBundle === undefined || caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') };
    const made = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, minVersion: 'TLSv1.2', ...ca });
    this.#agents.set(key, made);
    return made;
  }
}

/** The other side closed a kept connection. */
class Stale extends Error {}

interface Sending {
  readonly agent: Agent;
  readonly address: Address;
  readonly text: string;
  readonly signal: AbortSignal;
}

function send({ agent, address, text, signal }: Sending): Promise<unknown> {
  const { host, port, path, serverName } = address;
  const headers = {
    host: port === 443 ? serverName : `${serverName}:${port}`,
    'content-type': 'application/json',
    accept: 'application/json',
    'content-length': Buffer.byteLength(text),
    'user-agent': 'patchbay-admission',
  };
  // An address is no name: TLS then checks the address itself.
  const name = /^[\d.]+$|:/.test(serverName) ? {} : { servername: serverName };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { agent, host, port, path, method: 'POST', headers, signal, ...name },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > MAX_ANSWER) {
            outgoing.destroy(
              new CallFailed(`failed to call webhook: the answer has more than ${MAX_ANSWER} bytes`),
            );
          }
        });
        response.on('error', reject);
        response.on('end', () => {
          try {
            resolve(answerOf(response.statusCode ?? 0, Buffer.concat(chunks).toString('utf8')));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(messageOf(error)));
          }
        });
      },
    );
    outgoing.on('error', (error) => {
      const lost = outgoing.reusedSocket && 'code' in error && error.code === 'ECONNRESET';
      reject(lost ? new Stale('connection was closed', { cause: error }) : error);
    });
    outgoing.end(text);
  });
}

/** The JSON of a good answer. Throws `CallFailed` for all others, worded as client-go does. */
function answerOf(code: number, text: string): unknown {
  if (code < 200 || code > 299) {
    throw new CallFailed(`failed to call webhook: ${refusalOf(code, text)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CallFailed(
      `failed to call webhook: couldn't get version/kind; json parse error: ${messageOf(error)}`,
    );
  }
}

function refusalOf(code: number, text: string): string {
  const status: unknown = text.startsWith('{') ? safeJson(text) : undefined;
  if (isRecord(status) && status['kind'] === 'Status' && typeof status['message'] === 'string') {
    return status['message'];
  }
  const body = text.trim().slice(0, 1000);
  switch (code) {
    case 404:
      return 'the server could not find the requested resource';
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 403:
      return `forbidden: ${body === '' ? 'User cannot post path' : body}`;
    default:
      return code >= 500
        ? `an error on the server (${JSON.stringify(body || 'unknown')}) has prevented the request from succeeding`
        : `the server rejected our request for an unknown reason`;
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // then it is plain text, and shown as such
  }
}

const unknownAuthority: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Node's errors as Go words them. */
function goWords(error: unknown, { host, port, serverName }: Address): string {
  const { code = '', name = '' } = error as { readonly code?: string; readonly name?: string };
  const peer = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  if (name === 'AbortError' || name === 'TimeoutError' || code === 'ABORT_ERR') {
    return 'context deadline exceeded';
  }
  if (unknownAuthority.has(code)) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${peer}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${peer}: connect: no route to host`;
    case 'ENETUNREACH':
      return `dial tcp ${peer}: connect: network is unreachable`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host}: no such host`;
    case 'ECONNRESET':
      return 'EOF';
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `tls: failed to verify certificate: x509: certificate is not valid for ${serverName}`;
    default:
      return messageOf(error);
  }
}
