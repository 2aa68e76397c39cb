/** The one client that controllers, agents and the command line speak to any Kubernetes API server with. */
import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';

/** What to list or watch. */
export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly limit?: number;
  readonly continue?: string;
}

/** A page, or all, of a kind's objects. */
export interface ListResult<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continue?: string;
}

/** One event of a watch. `BOOKMARK` carries only a resource version. */
export interface WatchEvent<T extends KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** How to write. */
export interface WriteOptions {
  readonly subresource?: string;
  readonly fieldManager?: string;
  readonly dryRun?: boolean;
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore';
  /** Called with each `Warning:` header of the answer. */
  readonly onWarning?: (text: string) => void;
}

/** A patch and how to read it. `apply` is server-side apply and needs `fieldManager`. */
export type Patch =
  | { readonly type: 'merge' | 'strategic'; readonly body: unknown }
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'apply'; readonly body: unknown; readonly force?: boolean };

/** How to delete. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
}

/** Name of an object; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectKey {
  readonly name: string;
  readonly namespace?: string | undefined;
}

/** Every call rejects with `ApiError` when the server refuses and with `PatchbayError` (`ConnectionFailed`) when it is not reached. */
export interface ApiClient {
  /** Base URL, such as `https://127.0.0.1:6443`. */
  readonly server: string;
  get<T extends KubeObject>(kind: KindRef<T>, key: ObjectKey): Promise<T>;
  list<T extends KubeObject>(kind: KindRef<T>, options?: ListOptions): Promise<ListResult<T>>;
  create<T extends KubeObject>(kind: KindRef<T>, object: T, options?: WriteOptions): Promise<T>;
  update<T extends KubeObject>(kind: KindRef<T>, object: T, options?: WriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    kind: KindRef<T>,
    key: ObjectKey,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>;
  delete(kind: KindRef, key: ObjectKey, options?: DeleteOptions): Promise<void>;
  /** Ends when the server ends the watch or `signal` aborts; rejects with `ApiError` 410 when the version is too old. */
  watch<T extends KubeObject>(
    kind: KindRef<T>,
    options: ListOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  /** Any other request; `body` is sent as JSON, the answer is parsed as JSON (or returned as text when it is none). */
  request(method: string, path: string, body?: unknown): Promise<unknown>;
  /** Closes kept-alive connections. */
  close(): void;
}
