/**
 * Stored objects as one kind or version shows them: kinds that are kept as another one's, and custom kinds. Conversion is `None`: `apiVersion` changes and nothing else,
 * besides defaults and pruning by a schema that is newer than the object.
 */
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import type { Entry } from '#store/entry.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';
import { rootSchemaOf } from '../schema/object-meta.ts';
import { walk } from '../schema/walk.ts';
import { customVersionOf } from './served.ts';

/** The object's text in the kind's version. For nearly all entries it is the stored text. */
export function textViewer(kind: KindDefinition): (entry: Entry) => string {
  if (kind.storedAs !== undefined) {
    return (entry) => converted(kind, entry);
  }
  const custom = customVersionOf(kind);
  if (custom === undefined) {
    return (entry) => entry.value;
  }
  const beginning = `{"apiVersion":"${apiVersionOf(kind)}",`;
  return (entry) =>
    entry.revision > custom.since && entry.value.startsWith(beginning) ? entry.value : converted(kind, entry);
}

/** The object in the kind's version, shared: never edit it. */
export function objectViewer(kind: KindDefinition): (entry: Entry) => ApiObject {
  if (customVersionOf(kind) === undefined && kind.storedAs === undefined) {
    return objectOf;
  }
  const view = textViewer(kind);
  return (entry) => {
    const text = view(entry);
    return text === entry.value ? objectOf(entry) : (JSON.parse(text) as ApiObject);
  };
}

/** An object as it is stored: in the storage version. */
export function stored(kind: KindDefinition, object: ApiObject): ApiObject {
  if (kind.storedAs !== undefined) {
    const { kind: own, toStored } = kind.storedAs;
    return { ...(toStored(object) as ApiObject), apiVersion: apiVersionOf(own), kind: own.kind };
  }
  const custom = customVersionOf(kind);
  return custom === undefined || custom.storageVersion === kind.version
    ? object
    : { ...object, apiVersion: `${kind.group}/${custom.storageVersion}` };
}

/** True when writing the entry's object again would store the same text. */
export function isStoredSo(kind: KindDefinition, entry: Entry): boolean {
  const custom = customVersionOf(kind);
  return (
    custom === undefined ||
    (entry.value.startsWith(`{"apiVersion":"${kind.group}/${custom.storageVersion}",`) &&
      (entry.revision > custom.since || converted(kind, entry).length === entry.value.length))
  );
}

const known = new WeakMap<KindDefinition, WeakMap<Entry, string>>();

function converted(kind: KindDefinition, entry: Entry): string {
  let texts = known.get(kind);
  if (texts === undefined) {
    texts = new WeakMap();
    known.set(kind, texts);
  }
  let text = texts.get(entry);
  if (text === undefined) {
    text = convert(kind, entry);
    texts.set(entry, text);
  }
  return text;
}

function convert(kind: KindDefinition, entry: Entry): string {
  if (kind.storedAs !== undefined) {
    const { apiVersion: _stored, ...shown } = kind.storedAs.fromStored(objectOf(entry)) as ApiObject;
    return JSON.stringify({ apiVersion: apiVersionOf(kind), ...shown, kind: kind.kind });
  }
  const { apiVersion: _, kind: word, ...rest } = objectOf(entry);
  const context = { causes: [], unknown: undefined, builtin: false, blocked: false };
  const whole = { apiVersion: apiVersionOf(kind), kind: word, ...rest };
  const text = JSON.stringify(walk(rootSchemaOf(kind.schema), whole, '', undefined, context));
  // One copy in memory when nothing is different.
  return text === entry.value ? entry.value : text;
}
