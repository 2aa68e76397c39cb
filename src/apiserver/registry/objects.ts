/** API objects and their text in the store. */
import type { KubeObject } from '#api/meta.ts';
import type { Entry } from '#store/entry.ts';

/** An object of any kind, read-only. */
export type ApiObject = KubeObject & Readonly<Record<string, unknown>>;

type Labels = Readonly<Record<string, string>>;

interface Derived {
  object?: WeakRef<ApiObject>;
  labels?: Labels;
  metadata?: MetadataRange;
}

/** Where `metadata` stands in an entry's text. */
interface MetadataRange {
  readonly start: number;
  readonly end: number;
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

const metadataKey = '"metadata":';

/** `metadata` of an entry as JSON, cut out of its text; where it stands is looked for once. */
export function metadataTextOf(entry: Entry): string {
  const derived = derivedOf(entry);
  derived.metadata ??= metadataRange(entry.value);
  return entry.value.slice(derived.metadata.start, derived.metadata.end);
}

/** Relies on the order of {@link encoder}: nothing before `metadata` has an object in it. */
function metadataRange(text: string): MetadataRange {
  const start = text.indexOf(metadataKey) + metadataKey.length;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
    } else if (code === 0x7b) {
      depth += 1;
    } else if (code === 0x7d) {
      depth -= 1;
      if (depth === 0) {
        return { start, end: at + 1 };
      }
    }
  }
  throw new RangeError('an object in the store has no metadata');
}

/** The closing quote of the string that begins at `from`. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 0x5c) {
      slashes += 1;
    }
    if (slashes % 2 === 0) {
      return at;
    }
  }
  return text.length;
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
