/** Kinds that users bring as CustomResourceDefinitions, learned while the loops run. */
import {
  type CustomResourceDefinition,
  customResourceDefinition,
} from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import type { KubeObject } from '#api/meta.ts';
import type { Informer, InformerEvent, InformerFactory } from '#machinery/informer.ts';

type Handler = (event: InformerEvent<KubeObject>) => void;

interface Served {
  readonly kind: KindRef;
  readonly informer: Informer<KubeObject>;
  readonly stop: () => void;
}

/** Objects by the uids of their owners. */
export const ownerIndex = {
  owner: ({ metadata }: KubeObject) => (metadata.ownerReferences ?? []).map(({ uid }) => uid),
};

/** Watches definitions, and the objects of each that is established and not compiled in. */
export class CustomKinds {
  /** Resolves once the definitions are known. */
  readonly synced: Promise<void>;
  readonly #factory: InformerFactory;
  readonly #compiled: ReadonlySet<string>;
  readonly #served = new Map<string, Served>();
  /** Also of definitions that are gone: their objects are, too, which the server says when asked. */
  readonly #byApi = new Map<string, KindRef>();
  readonly #handlers = new Set<Handler>();

  constructor(factory: InformerFactory, compiled: readonly KindRef[]) {
    this.#factory = factory;
    this.#compiled = new Set(compiled.map(collectionOf));
    const definitions = factory.informer(customResourceDefinition);
    this.synced = definitions.synced;
    definitions.subscribe(({ type, object }) => this.#learn(object, type === 'deleted'));
  }

  /** Those served now, each once. */
  get kinds(): readonly KindRef[] {
    return [...this.#served.values()].map(({ kind }) => kind);
  }

  get informers(): readonly Informer<KubeObject>[] {
    return [...this.#served.values()].map(({ informer }) => informer);
  }

  /** The informer of a collection, `group/plural`. */
  informerOf(collection: string): Informer<KubeObject> | undefined {
    return this.#served.get(collection)?.informer;
  }

  /** The kind that is or was called so. */
  kindOf(apiVersion: string, kind: string): KindRef | undefined {
    return this.#byApi.get(`${apiVersion}/${kind}`);
  }

  /** Calls `handler` for every object of every custom kind and its changes; objects of a kind that goes are deleted. */
  subscribe(handler: Handler): () => void {
    this.#handlers.add(handler);
    for (const { informer } of this.#served.values()) {
      for (const object of informer.list()) {
        handler({ type: 'added', object });
      }
    }
    return () => this.#handlers.delete(handler);
  }

  #learn(definition: CustomResourceDefinition, deleted: boolean): void {
    const versions = deleted || !isEstablished(definition) ? [] : kindsOf(definition);
    const { group, names } = definition.spec;
    const collection = collectionOf({ group, plural: names.plural });
    if (this.#compiled.has(collection)) {
      return;
    }
    for (const kind of versions) {
      this.#byApi.set(`${apiVersionOf(kind)}/${kind.kind}`, kind);
    }
    const before = this.#served.get(collection);
    const [first] = versions;
    const kept = versions.some(({ version }) => version === before?.kind.version);
    if (before !== undefined && !kept) {
      this.#drop(collection, before);
    }
    if (first !== undefined && !kept) {
      this.#follow(collection, first);
    }
  }

  #follow(collection: string, kind: KindRef): void {
    const informer = this.#factory.metadataInformer(kind, { indexes: ownerIndex });
    const stop = informer.subscribe((event) => this.#tell(event));
    this.#served.set(collection, { kind, informer, stop });
  }

  #drop(collection: string, { kind, informer, stop }: Served): void {
    this.#served.delete(collection);
    stop();
    const objects = informer.list();
    this.#factory.forget(kind);
    for (const object of objects) {
      this.#tell({ type: 'deleted', object });
    }
  }

  #tell(event: InformerEvent<KubeObject>): void {
    for (const handler of this.#handlers) {
      handler(event);
    }
  }
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') === true;
}

/** One per served version, the stored one first. */
function kindsOf({ spec, status }: CustomResourceDefinition): readonly KindRef[] {
  const { plural, kind } = { ...spec.names, ...status?.acceptedNames };
  return spec.versions
    .filter(({ served }) => served)
    .toSorted((a, b) => Number(b.storage) - Number(a.storage))
    .map(({ name }) => ({
      group: spec.group,
      version: name,
      kind,
      plural,
      namespaced: spec.scope === 'Namespaced',
    }));
}

function collectionOf({ group, plural }: Pick<KindRef, 'group' | 'plural'>): string {
  return `${group}/${plural}`;
}
