import type { KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { keyOf } from '#machinery/controller.ts';
import { isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Log } from '#machinery/log.ts';

/** What an annotator reports to. */
export interface AnnotatorOptions {
  readonly client: ApiClient;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** A write failed and is worth another try: the object must be looked at again. */
  readonly onFailure: (object: KubeObject) => void;
  /** No write is under way any more. */
  readonly onIdle: () => void;
}

/** Writes annotations, each once: a write under way, or done and merely not seen yet, is not repeated. */
export class Annotator {
  /** Failures since the last success. */
  failures = 0;
  readonly #options: AnnotatorOptions;
  readonly #written = new Map<string, { readonly uid: string | undefined; readonly value: string }>();
  #underWay = 0;
  readonly #due: (() => void)[] = [];

  constructor(options: AnnotatorOptions) {
    this.#options = options;
  }

  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** Forgets what was written to an object, once the informer shows it or the object is gone. */
  forget(kind: KindRef, key: string): void {
    this.#written.delete(`${kind.plural}/${key}`);
  }

  /**
   * Writes one annotation; failures are logged and reported. It starts when the pass that asks for it has handed its rows
   * over: the databases work meanwhile.
   */
  write<T extends KubeObject>(kind: KindRef<T>, object: T, annotation: string, value: string): void {
    const { name, namespace, uid } = object.metadata;
    const id = `${kind.plural}/${keyOf(object)}`;
    const known = this.#written.get(id);
    if (known?.value === value && known.uid === uid) {
      return;
    }
    this.#written.set(id, { uid, value });
    this.#underWay += 1;
    // The uid makes the server refuse when another object has taken the name meanwhile.
    const body = {
      metadata: { ...(uid === undefined ? {} : { uid }), annotations: { [annotation]: value } },
    };
    this.#later(() => {
      const patched = this.#options.client.patch(kind, { name, namespace }, { type: 'merge', body });
      void patched.then(
        () => {
          this.failures = 0;
          this.#ended();
        },
        (error: unknown) => {
          this.#written.delete(id);
          this.#failed(kind, object, error);
          this.#ended();
        },
      );
    });
  }

  #later(start: () => void): void {
    this.#due.push(start);
    if (this.#due.length === 1) {
      setImmediate(() => {
        for (const one of this.#due.splice(0)) {
          one();
        }
      });
    }
  }

  #failed(kind: KindRef, object: KubeObject, error: unknown): void {
    if (isNotFound(error) || this.#options.signal.aborted) {
      return;
    }
    this.failures += 1;
    const isHopeless = error instanceof PatchbayError && !error.retryable;
    const fields = { kind: kind.kind, key: keyOf(object), error: messageOf(error) };
    this.#options.log[isHopeless ? 'error' : 'warn'](fields, 'annotation could not be written');
    if (!isHopeless) {
      this.#options.onFailure(object);
    }
  }

  #ended(): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) {
      this.#options.onIdle();
    }
  }
}
