/** A small HTTP/1.1 client with connections that stay open, and a closed loop of requests over them. */
import https from 'node:https';
import { createInterface } from 'node:readline';

/** Whom to ask, and as whom. */
export interface Target {
  readonly url: string;
  readonly ca: string;
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

/** An answer, completely read. */
export interface Reply {
  readonly code: number;
  readonly body: Buffer;
  /** From before the request is handed to the connection until the answer is read. */
  readonly ms: number;
}

/** Requests over at most `connections` connections. */
export class Client {
  readonly #agent: https.Agent;
  readonly #target: Target;

  constructor(target: Target, connections: number) {
    const { ca, cert, key } = target;
    this.#target = target;
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: connections,
      ca,
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    });
  }

  /** One request; `body` is sent as JSON. */
  request(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Reply> {
    const { url, token } = this.#target;
    const data = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const started = performance.now();
      const sent = https.request(`${url}${path}`, {
        method,
        agent: this.#agent,
        headers: {
          accept: 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(data === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) }),
          ...headers,
        },
      });
      sent.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            code: response.statusCode ?? 0,
            body: Buffer.concat(parts),
            ms: performance.now() - started,
          }),
        );
      });
      sent.on('error', reject);
      sent.end(data);
    });
  }

  /** The text of an answer with one of the expected codes. Rejects for any other. */
  async expect(
    method: string,
    path: string,
    body?: unknown,
    codes: readonly number[] = [200, 201],
  ): Promise<string> {
    const reply = await this.request(method, path, body);
    if (!codes.includes(reply.code)) {
      throw new Error(`${method} ${path}: ${reply.code} ${reply.body.toString().slice(0, 300)}`);
    }
    return reply.body.toString();
  }

  /** Calls back with every line of an answer without end. Resolves with the way to end it, once it has begun. */
  lines(path: string, line: (text: string) => void): Promise<() => void> {
    const { url, token } = this.#target;
    return new Promise((resolve, reject) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const sent = https.request(`${url}${path}`, { agent: this.#agent, headers }, (response) => {
        // Its end is an error to both of them, and our own doing.
        response.on('error', () => undefined);
        createInterface({ input: response })
          .on('line', line)
          .on('error', () => undefined);
        resolve(() => sent.destroy());
      });
      sent.on('error', reject);
      sent.end();
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** A closed loop: clients that each send the next request once the last one is answered. */
export interface Loop {
  readonly connections: number;
  /** The `at`-th request; `worker` is the client that sends it. */
  readonly ask: (client: Client, at: number, worker: number) => Promise<Reply>;
  readonly code: number;
  /** Most requests; default: as many as there is time for. */
  readonly limit?: number;
}

/** What it came to. */
export interface Load {
  readonly perSecond: number;
  /** Milliseconds of each request. */
  readonly samples: readonly number[];
}

/** Runs a closed loop for some seconds. Rejects at an answer with another code. */
export async function closedLoop(target: Target, loop: Loop, seconds: number): Promise<Load> {
  const { connections, ask, code, limit = Number.POSITIVE_INFINITY } = loop;
  const client = new Client(target, connections);
  const samples: number[] = [];
  let next = 0;
  const started = performance.now();
  const work = async (worker: number): Promise<void> => {
    while (next < limit && performance.now() - started < seconds * 1000) {
      const reply = await ask(client, next++, worker);
      if (reply.code !== code) {
        throw new Error(`${reply.code} instead of ${code}: ${reply.body.toString().slice(0, 300)}`);
      }
      samples.push(reply.ms);
    }
  };
  await Promise.all(Array.from({ length: connections }, (_, worker) => work(worker)));
  const took = (performance.now() - started) / 1000;
  client.close();
  return { perSecond: samples.length / took, samples };
}
