/** HTTPS clients that tell an answer from no answer, and readers of watches that can be slow. */
import type { IncomingMessage } from 'node:http';
import * as https from 'node:https';

/** An answer. */
export interface Reply {
  readonly code: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The parts of an object that tests look at. */
export interface ApiObject {
  readonly kind?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly resourceVersion: string;
    readonly uid?: string;
    readonly continue?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly finalizers?: readonly string[];
  };
  readonly data?: Readonly<Record<string, string>>;
  readonly items?: readonly ApiObject[];
}

/** What is sent besides method and path. */
export interface Sent {
  readonly body?: unknown;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends requests to one server over connections of its own. */
export class Client {
  readonly #url: () => string;
  readonly #agent: https.Agent;
  /** Answers with 500 to 599, counted. */
  serverErrors = 0;

  constructor(url: () => string, agent: https.Agent) {
    this.#url = url;
    this.#agent = agent;
  }

  /** Sends one request. Rejects when no whole answer came: then nobody knows whether it was carried out. */
  request(method: string, path: string, { body, type, headers }: Sent = {}): Promise<Reply> {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    const bytes = text === undefined ? undefined : Buffer.from(text);
    return new Promise((resolve, reject) => {
      const outgoing = https.request(`${this.#url()}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          ...(bytes === undefined
            ? {}
            : { 'content-type': type ?? 'application/json', 'content-length': bytes.length }),
          ...headers,
        },
      });
      const failed = (cause: Error): void => reject(new Error(`${method} ${path} got no answer`, { cause }));
      outgoing.on('error', failed);
      outgoing.on('response', (answer) => {
        readAll(answer).then((answered) => {
          const code = answer.statusCode ?? 0;
          this.serverErrors += code >= 500 ? 1 : 0;
          resolve({ code, text: answered, headers: answer.headers });
        }, failed);
      });
      outgoing.end(bytes);
    });
  }

  /** Opens a stream, such as a watch, and resolves with its head. */
  open(path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = https.request(`${this.#url()}${path}`, { agent: this.#agent });
      outgoing.on('error', (cause) => reject(new Error(`GET ${path} got no answer`, { cause })));
      outgoing.on('response', resolve);
      outgoing.end();
    });
  }

  /** The server is gone, and so are its connections. */
  dropConnections(): void {
    this.#agent.destroy();
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** An answer's body as an object. */
export function objectOf(reply: Reply): ApiObject {
  return JSON.parse(reply.text) as ApiObject;
}

/** The revision of an answer's object. */
export function revisionOf(reply: Reply): number {
  return Number(objectOf(reply).metadata.resourceVersion);
}

function readAll(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    answer.on('data', (chunk: Buffer) => chunks.push(chunk));
    answer.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    answer.on('error', reject);
    answer.on('aborted', () => reject(new Error('the answer was cut')));
  });
}
