/** Reads manifests and brings the API to what they say. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { apiVersionOf, type KindRef } from '#api/kind.ts';
import { kinds } from '#api/kinds.ts';
import type { KubeObject } from '#api/meta.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { isNotFound, PatchbayError } from '#machinery/errors.ts';
import { parseYamlDocuments } from '#machinery/yaml.ts';

/** An object of a manifest and where it was read. */
export interface Manifest {
  readonly file: string;
  readonly kind: KindRef;
  readonly object: KubeObject;
}

/** What applying a manifest did. */
export type Applied = 'created' | 'configured' | 'unchanged';

/** Every object of the `*.yaml` files of a directory, in the order of their names. Throws a PatchbayError `InvalidManifest`. */
export function readManifests(directory: string): readonly Manifest[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .toSorted()
    .flatMap((name) =>
      parseManifests(path.join(directory, name), readFileSync(path.join(directory, name), 'utf8')),
    );
}

/** Objects of one file. */
export function parseManifests(file: string, text: string): readonly Manifest[] {
  return parseYamlDocuments(text).flatMap((document) => {
    const [fault] = document.errors;
    if (fault !== undefined) {
      throw new PatchbayError('InvalidManifest', `${file}: ${fault.message}`, { retryable: false });
    }
    const object = document.toJS() as KubeObject | null;
    return object === null
      ? []
      : [{ file, kind: kindOf(file, object), object: withNamespace(kindOf(file, object), object) }];
  });
}

function kindOf(file: string, { apiVersion, kind }: KubeObject): KindRef {
  const found = kinds.find((one) => one.kind === kind && apiVersionOf(one) === apiVersion);
  if (found === undefined) {
    throw new PatchbayError(
      'InvalidManifest',
      `${file}: apiVersion ${JSON.stringify(apiVersion)} with kind ${JSON.stringify(kind)} is not known; known are ${kinds.map((one) => `${apiVersionOf(one)} ${one.kind}`).join(', ')}`,
      { retryable: false },
    );
  }
  return found;
}

/** As kubectl does: what names no namespace goes to `default`. */
function withNamespace(kind: KindRef, object: KubeObject): KubeObject {
  const { namespace = 'default' } = object.metadata;
  return kind.namespaced ? { ...object, metadata: { ...object.metadata, namespace } } : object;
}

/** Creates an object, or patches what differs from the manifest. What the manifest does not name stays. */
export async function applyManifest(
  client: ApiClient,
  { kind, object }: Manifest,
  onWarning: (text: string) => void,
): Promise<Applied> {
  const { name, namespace } = object.metadata;
  const options = { fieldManager: 'patchbay-quickstart', fieldValidation: 'Strict' as const, onWarning };
  try {
    const live = await client.get(kind, { name, namespace });
    if (includes(live, object)) {
      return 'unchanged';
    }
    await client.patch(kind, { name, namespace }, { type: 'merge', body: object }, options);
    return 'configured';
  } catch (error) {
    if (!isNotFound(error)) {
      throw error;
    }
    await client.create(kind, object, options);
    return 'created';
  }
}

/** True when `whole` has everything `part` names; lists must have the same length. */
export function includes(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    return (
      Array.isArray(whole) &&
      whole.length === part.length &&
      part.every((item, index) => includes(whole[index], item))
    );
  }
  if (typeof part === 'object' && part !== null) {
    return (
      typeof whole === 'object' &&
      whole !== null &&
      Object.entries(part).every(([key, value]) => includes((whole as Record<string, unknown>)[key], value))
    );
  }
  return whole === part;
}
