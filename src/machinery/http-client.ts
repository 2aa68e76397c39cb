/** The API client over HTTP. */
import type { IncomingMessage } from 'node:http';
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type {
  ApiClient,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectKey,
  Patch,
  WatchEvent,
  WriteOptions,
} from './api-client.ts';
import { apiPath, listQuery } from './api-path.ts';
import type { ClientMetrics } from './client-metrics.ts';
import { PatchbayError } from './errors.ts';
import { connectionError, HttpTransport, readText } from './http-transport.ts';
import { type Connection, loadKubeconfig } from './kubeconfig.ts';
import { decodeWatch } from './watch-decoder.ts';

/** Milliseconds a request may take, watches excepted, unless a client is told otherwise. */
const defaultRequestTimeout = 30_000;
/** Seconds after which the server ends a watch; each watch draws its own, so that they do not end together. */
const watchSeconds = { least: 300, most: 600 };

const patchTypes = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** A client for the server and the user of a kubeconfig file's current context. */
export function createApiClient(kubeconfigPath: string, options: HttpClientOptions = {}): HttpApiClient {
  return new HttpApiClient(loadKubeconfig(kubeconfigPath), options);
}

/** How a client behaves. */
export interface HttpClientOptions {
  /** Milliseconds a request may take, watches excepted. */
  readonly requestTimeoutMs?: number;
  /** Counts its requests. */
  readonly metrics?: ClientMetrics;
}

/** Speaks to one API server as one user. */
export class HttpApiClient implements ApiClient {
  readonly server: string;
  #transport: HttpTransport;
  readonly #requestTimeout: number;
  readonly #metrics: ClientMetrics | undefined;

  constructor(connection: Connection, options: HttpClientOptions = {}) {
    this.server = connection.server;
    this.#requestTimeout = options.requestTimeoutMs ?? defaultRequestTimeout;
    this.#metrics = options.metrics;
    this.#transport = new HttpTransport(connection, this.#metrics);
  }

  /** From here on with other credentials for the same server; what runs already goes on with the old ones. */
  renew(connection: Connection): void {
    this.#transport = new HttpTransport(connection, this.#metrics);
  }

  async get<T extends KubeObject>(kind: KindRef<T>, key: ObjectKey): Promise<T> {
    return typed(kind, await this.#json('GET', apiPath(kind, key)));
  }

  async list<T extends KubeObject>(kind: KindRef<T>, options: ListOptions = {}): Promise<ListResult<T>> {
    const list = await this.#json('GET', `${apiPath(kind, options)}${listQuery(options)}`);
    const { items, metadata } = list as {
      readonly items?: readonly T[] | null;
      readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
    };
    return {
      items: (items ?? []).map((item) => typed(kind, item)),
      resourceVersion: metadata?.resourceVersion ?? '',
      ...(metadata?.continue === undefined || metadata.continue === ''
        ? {}
        : { continue: metadata.continue }),
    };
  }

  async create<T extends KubeObject>(kind: KindRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    // A subresource such as `binding` is created below its object; an object itself below its namespace.
    const { subresource } = options;
    const target = subresource === undefined ? { namespace } : { namespace, name, subresource };
    return typed(kind, await this.#write('POST', apiPath(kind, target), typed(kind, object), options));
  }

  async update<T extends KubeObject>(kind: KindRef<T>, object: T, options: WriteOptions = {}): Promise<T> {
    const { namespace, name } = object.metadata;
    const path = apiPath(kind, { namespace, name, subresource: options.subresource });
    return typed(kind, await this.#write('PUT', path, typed(kind, object), options));
  }

  async patch<T extends KubeObject>(
    kind: KindRef<T>,
    key: ObjectKey,
    patch: Patch,
    options: WriteOptions = {},
  ): Promise<T> {
    const path = apiPath(kind, { ...key, subresource: options.subresource });
    const force = patch.type === 'apply' && patch.force === true ? { force: 'true' } : {};
    return typed(kind, await this.#write('PATCH', path, patch.body, options, patchTypes[patch.type], force));
  }

  async delete(kind: KindRef, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...options };
    await this.#json('DELETE', apiPath(kind, key), body);
  }

  async *watch<T extends KubeObject>(
    kind: KindRef<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const seconds = Math.round(watchSeconds.least + Math.random() * (watchSeconds.most - watchSeconds.least));
    const query = { watch: 'true', allowWatchBookmarks: 'true', timeoutSeconds: String(seconds) };
    const path = `${apiPath(kind, options)}${listQuery(options, query)}`;
    if (signal.aborted) {
      return;
    }
    let answer: IncomingMessage | undefined;
    let silence: NodeJS.Timeout | undefined;
    try {
      answer = await this.#transport.send({ method: 'GET', path, signal, timeoutMs: 0, watch: true });
      // A connection that dies without a word (a paused peer, a lost route) must not leave us deaf for ever.
      silence = setTimeout(
        () => answer?.destroy(new Error('the watch outlived its time')),
        (seconds + 30) * 1000,
      );
      silence.unref();
      yield* decodeWatch<T>(answer as AsyncIterable<Buffer>);
    } catch (error) {
      if (signal.aborted) {
        return;
      }
      throw error instanceof PatchbayError ? error : connectionError(`watching ${kind.plural}`, error, false);
    } finally {
      clearTimeout(silence);
      answer?.destroy();
    }
  }

  async request(method: string, path: string, body?: unknown): Promise<unknown> {
    const text = await readText(
      await this.#transport.send({ method, path, body, timeoutMs: this.#requestTimeout }),
    );
    try {
      return JSON.parse(text);
    } catch (error) {
      if (error instanceof SyntaxError) {
        return text;
      }
      throw error;
    }
  }

  close(): void {
    this.#transport.close();
  }

  async #json(method: string, path: string, body?: unknown): Promise<object> {
    return parseAnswer(
      await readText(await this.#transport.send({ method, path, body, timeoutMs: this.#requestTimeout })),
      path,
    );
  }

  async #write(
    method: string,
    path: string,
    body: unknown,
    options: WriteOptions,
    contentType = 'application/json',
    extra: Readonly<Record<string, string>> = {},
  ): Promise<object> {
    const query = new URLSearchParams({
      ...extra,
      ...(options.fieldManager === undefined ? {} : { fieldManager: options.fieldManager }),
      ...(options.dryRun === true ? { dryRun: 'All' } : {}),
      ...(options.fieldValidation === undefined ? {} : { fieldValidation: options.fieldValidation }),
    }).toString();
    const url = query === '' ? path : `${path}?${query}`;
    const answer = await this.#transport.send({
      method,
      path: url,
      body,
      contentType,
      timeoutMs: this.#requestTimeout,
    });
    for (const text of parseWarnings(answer.headers['warning'])) {
      options.onWarning?.(text);
    }
    return parseAnswer(await readText(answer), path);
  }
}

/** The texts of `Warning:` headers (RFC 7234 5.5): `299 - "text", 299 - "text"`. */
export function parseWarnings(header: string | readonly string[] | undefined): readonly string[] {
  // Node reads header bytes as Latin-1; Kubernetes writes UTF-8.
  const lines = Buffer.from([header ?? []].flat().join(', '), 'latin1').toString();
  return Array.from(lines.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g), ([, text = '']) =>
    text.replaceAll(/\\(.)/g, '$1'),
  );
}

function parseAnswer(text: string, path: string): object {
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === 'object' && body !== null) {
      return body;
    }
  } catch (cause) {
    throw new PatchbayError('InvalidAnswer', `the answer to ${path} is no JSON: ${text.slice(0, 100)}`, {
      cause,
    });
  }
  throw new PatchbayError('InvalidAnswer', `the answer to ${path} is no object: ${text.slice(0, 100)}`);
}

/** Servers leave `apiVersion` and `kind` out of list items, callers out of what they write. */
function typed<T extends KubeObject>(kind: KindRef<T>, object: object): T {
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, ...object } as T;
}
