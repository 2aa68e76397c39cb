/** Which objects belong to which owner: by controller reference, adopted and released by selector. */
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject, OwnerReference } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { keyOf } from '#machinery/controller.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { Informer, InformerEvent } from '#machinery/informer.ts';
import { type LabelSelector, matchesLabelSelector } from '#machinery/selectors.ts';

/** The reference to the object's controller. */
export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

/** Indexes that {@link Claims} needs of its informer. */
export const ownedIndexes: Readonly<Record<string, (object: KubeObject) => readonly string[]>> = {
  controller: (object) => {
    const reference = controllerOf(object);
    return reference === undefined ? [] : [reference.uid];
  },
  orphans: (object) => (controllerOf(object) === undefined ? [object.metadata.namespace ?? ''] : []),
};

/** A reference that makes `owner` the controller of what carries it. */
export function controllerReference(kind: KindRef, { metadata }: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: metadata.name,
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** Keys of the owners that an event of an owned object concerns. */
export function ownerKeys<O extends KubeObject>(
  kind: KindRef<O>,
  owners: Informer<O>,
  selectorOf: (owner: O) => LabelSelector | undefined,
): (event: InformerEvent<KubeObject>) => readonly string[] {
  return ({ type, object, old }) => {
    const keys = new Set<string>();
    for (const one of [object, old]) {
      const reference = one === undefined ? undefined : controllerOf(one);
      if (reference?.kind === kind.kind && reference.apiVersion === apiVersionOf(kind)) {
        keys.add(`${object.metadata.namespace}/${reference.name}`);
      }
    }
    if (type !== 'deleted' && controllerOf(object) === undefined) {
      for (const owner of owners.list(object.metadata.namespace)) {
        if (matchesLabelSelector(selectorOf(owner), object.metadata.labels)) {
          keys.add(keyOf(owner));
        }
      }
    }
    return [...keys];
  };
}

/** Finds, adopts and releases the objects of owners of one kind. */
export class Claims<O extends KubeObject, T extends KubeObject> {
  readonly #client: ApiClient;
  readonly #ownerKind: KindRef<O>;
  readonly #kind: KindRef<T>;
  readonly #informer: Informer<T>;

  constructor(client: ApiClient, ownerKind: KindRef<O>, kind: KindRef<T>, informer: Informer<T>) {
    this.#client = client;
    this.#ownerKind = ownerKind;
    this.#kind = kind;
    this.#informer = informer;
  }

  /**
   * The objects of an owner. Orphans that its selector selects become its own, its own that the selector no longer
   * selects become orphans. Throws what the server refuses.
   */
  async claim(owner: O, selector: LabelSelector | undefined): Promise<readonly T[]> {
    const { uid = '', namespace = '', deletionTimestamp } = owner.metadata;
    const own = this.#informer.byIndex('controller', uid);
    if (deletionTimestamp !== undefined) {
      return own;
    }
    const matches = ({ metadata }: KubeObject): boolean => matchesLabelSelector(selector, metadata.labels);
    for (const stranger of own.filter((one) => !matches(one))) {
      await this.#release(stranger, uid);
    }
    const orphans = this.#informer
      .byIndex('orphans', namespace)
      .filter((one) => one.metadata.deletionTimestamp === undefined && matches(one));
    const adopted = orphans.length > 0 && (await this.#lives(owner)) ? await this.#adopt(owner, orphans) : [];
    return [...own.filter(matches), ...adopted];
  }

  /** What a claim found, as the informer shows it now. An adoption that it does not show yet still counts. */
  refresh({ metadata: { uid = '' } }: O, claimed: readonly T[]): readonly T[] {
    const own = this.#informer.byIndex('controller', uid);
    const keys = new Set(own.map(keyOf));
    const adopted = claimed.filter((one) => {
      const shown = this.#informer.get(one.metadata);
      return shown !== undefined && !keys.has(keyOf(one)) && controllerOf(shown) === undefined;
    });
    return [...own, ...adopted];
  }

  /** The informer may be behind: nothing is adopted by an owner that is gone or going. */
  async #lives(owner: O): Promise<boolean> {
    try {
      const { metadata } = await this.#client.get(this.#ownerKind, owner.metadata);
      return metadata.uid === owner.metadata.uid && metadata.deletionTimestamp === undefined;
    } catch (error) {
      return ifGone(error, false);
    }
  }

  async #adopt(owner: O, orphans: readonly T[]): Promise<readonly T[]> {
    const reference = controllerReference(this.#ownerKind, owner);
    const adopted: T[] = [];
    for (const orphan of orphans) {
      const owners = [...(orphan.metadata.ownerReferences ?? []), reference];
      const done = await this.#setOwners(orphan, owners);
      adopted.push(...(done === undefined ? [] : [done]));
    }
    return adopted;
  }

  async #release(object: T, uid: string): Promise<void> {
    const owners = (object.metadata.ownerReferences ?? []).filter((one) => one.uid !== uid);
    await this.#setOwners(object, owners);
  }

  async #setOwners(object: T, owners: readonly OwnerReference[]): Promise<T | undefined> {
    const { resourceVersion } = object.metadata;
    const ownerReferences = owners.length === 0 ? null : owners;
    const body = { metadata: { resourceVersion, ownerReferences } };
    try {
      return await this.#client.patch(this.#kind, object.metadata, { type: 'merge', body });
    } catch (error) {
      return ifGone(error, undefined);
    }
  }
}

/** `value` when the error says that the object is gone; any other error is thrown on. */
export function ifGone<V>(error: unknown, value: V): V {
  if (!isNotFound(error)) {
    throw error;
  }
  return value;
}
