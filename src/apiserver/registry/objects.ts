/** API objects and their text in the store. */
import type { KubeObject } from '#api/meta.ts';
import type { Entry } from '#store/entry.ts';

/** An object of any kind, read-only. */
export type ApiObject = KubeObject & Readonly<Record<string, unknown>>;

type Labels = Readonly<Record<string, string>>;

interface Derived {
  object?: WeakRef<ApiObject>;
  labels?: Labels;
}

const noLabels: Labels = Object.freeze({});

function derivedOf(entry: Entry): Derived {
  const derived = (entry.derived ?? {}) as Derived;
  entry.derived = derived;
  return derived;
}

/** The object of an entry. Parsed when asked for and shared while somebody holds it: never edit it. */
export function objectOf(entry: Entry): ApiObject {
  const derived = derivedOf(entry);
  const known = derived.object?.deref();
  if (known !== undefined) {
    return known;
  }
  const object = JSON.parse(entry.value) as ApiObject;
  derived.object = new WeakRef(object);
  return object;
}

/** The labels of an entry, kept with it: lists select by them. */
export function labelsOf(entry: Entry): Labels {
  const derived = derivedOf(entry);
  derived.labels ??= objectOf(entry).metadata.labels ?? noLabels;
  return derived.labels;
}

/** The text of an object as the store keeps it, with the revision of its write. */
export function encoder(object: ApiObject): (revision: number) => string {
  return (revision) => {
    const { apiVersion, kind, metadata, ...rest } = object;
    return JSON.stringify({
      apiVersion,
      kind,
      metadata: { ...metadata, resourceVersion: String(revision) },
      ...rest,
    });
  };
}
