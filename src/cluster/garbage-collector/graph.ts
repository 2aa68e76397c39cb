/** Who owns whom, read from the informers of every kind. */
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject, OwnerReference } from '#api/meta.ts';
import { keyOf } from '#machinery/controller.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { type CustomKinds, ownerIndex } from '../custom-kinds.ts';

/** An object and its kind. */
export interface GraphNode {
  readonly kind: KindRef;
  readonly object: KubeObject;
}

/** Owners and dependents over all kinds. */
export class OwnerGraph {
  readonly #informers = new Map<string, Informer<KubeObject>>();
  readonly #byApi = new Map<string, KindRef>();

  readonly #custom: CustomKinds | undefined;

  constructor(factory: InformerFactory, kinds: readonly KindRef[], custom?: CustomKinds) {
    this.#custom = custom;
    for (const kind of kinds) {
      const informer = factory.metadataInformer(kind, { indexes: ownerIndex });
      this.#informers.set(collectionOf(kind), informer);
      this.#byApi.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
    }
  }

  /** Of the kinds that are always there. */
  get informers(): readonly Informer<KubeObject>[] {
    return [...this.#informers.values()];
  }

  /** Of all kinds there are now. */
  get #all(): readonly Informer<KubeObject>[] {
    return [...this.#informers.values(), ...(this.#custom?.informers ?? [])];
  }

  #informerOf(collection: string): Informer<KubeObject> | undefined {
    return this.#informers.get(collection) ?? this.#custom?.informerOf(collection);
  }

  /** The object of a work queue's key. */
  find(key: string): GraphNode | undefined {
    const [collection = '', path = ''] = key.split('|');
    const informer = this.#informerOf(collection);
    const [first = '', second] = path.split('/');
    const object = informer?.get(second === undefined ? { name: first } : { namespace: first, name: second });
    return informer === undefined || object === undefined ? undefined : { kind: informer.kind, object };
  }

  /** The kind an owner reference names; undefined when it is none of ours. */
  kindOf({ apiVersion, kind }: Pick<OwnerReference, 'apiVersion' | 'kind'>): KindRef | undefined {
    return this.#byApi.get(`${apiVersion}/${kind}`) ?? this.#custom?.kindOf(apiVersion, kind);
  }

  /** The owner as the informers know it: namespaced owners live in their dependents' namespace. */
  owner(reference: OwnerReference, dependent: KubeObject): KubeObject | undefined {
    const kind = this.kindOf(reference);
    const informer = kind === undefined ? undefined : this.#informerOf(collectionOf(kind));
    const found = informer?.get(ownerKey(reference, kind, dependent));
    return found?.metadata.uid === reference.uid ? found : undefined;
  }

  /** Objects that name `owner` as theirs, wherever a dependent of it may be. */
  dependents(owner: GraphNode): readonly GraphNode[] {
    const { uid = '', namespace } = owner.object.metadata;
    return this.#all.flatMap((informer) =>
      informer
        .byIndex('owner', uid)
        .filter((object) => !owner.kind.namespaced || object.metadata.namespace === namespace)
        .map((object) => ({ kind: informer.kind, object })),
    );
  }

  /** Keys of everything that names this uid, in any namespace. */
  dependentKeys(uid: string): readonly string[] {
    return this.#all.flatMap((informer) =>
      informer.byIndex('owner', uid).map((object) => graphKey({ kind: informer.kind, object })),
    );
  }

  /** Keys of the owners an object names, as far as the informers know them. */
  ownerKeys(object: KubeObject): readonly string[] {
    return (object.metadata.ownerReferences ?? []).flatMap((reference) => {
      const kind = this.kindOf(reference);
      const owner = this.owner(reference, object);
      return kind === undefined || owner === undefined ? [] : [graphKey({ kind, object: owner })];
    });
  }
}

/** Where the owner is to be found. */
export function ownerKey(reference: OwnerReference, kind: KindRef | undefined, dependent: KubeObject) {
  const { namespace } = dependent.metadata;
  return kind?.namespaced === true ? { name: reference.name, namespace } : { name: reference.name };
}

/** Key of a work queue over all kinds: `group/plural|namespace/name`. */
export function graphKey({ kind, object }: GraphNode): string {
  return `${collectionOf(kind)}|${keyOf(object)}`;
}

function collectionOf({ group, plural }: KindRef): string {
  return `${group}/${plural}`;
}
