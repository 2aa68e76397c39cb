/** ConfigMaps, Secrets, tokens and services that a pod uses, read when its containers are about to start. */
import { configMap } from '#api/core/config-map.ts';
import type { Pod } from '#api/core/pod.ts';
import { secret } from '#api/core/secret.ts';
import { type Service, service } from '#api/core/service.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { isNotFound } from '#machinery/errors.ts';
import { containersOf } from './plan.ts';
import type { PodTokens } from './tokens.ts';

/** Keys and values of one object. */
export type Keyed = ReadonlyMap<string, Uint8Array>;

/** What was read: undefined for what does not exist. */
export interface Sources {
  readonly configMaps: ReadonlyMap<string, Keyed | undefined>;
  readonly secrets: ReadonlyMap<string, Keyed | undefined>;
  /** Service account tokens by `tokenKey`. */
  readonly tokens: ReadonlyMap<string, string>;
  /** Services that the pod's containers are told of. */
  readonly services: readonly Service[];
}

/** Where they are read. */
export interface SourceReaders {
  readonly client: ApiClient;
  readonly tokens: PodTokens;
}

/** Reads them all; services only for containers that are about to start. */
export async function gatherSources(
  pod: Pod,
  { client, tokens }: SourceReaders,
  starting: boolean,
): Promise<Sources> {
  const namespace = pod.metadata.namespace ?? 'default';
  const [configMaps, secrets] = referencesOf(pod);
  const linked = starting && pod.spec.enableServiceLinks !== false;
  const [maps, texts, held, services] = await Promise.all([
    Promise.all(
      [...configMaps].map(async (name) => [name, await readConfigMap(client, namespace, name)] as const),
    ),
    Promise.all([...secrets].map(async (name) => [name, await readSecret(client, namespace, name)] as const)),
    tokens.gather(pod),
    linked ? client.list(service, { namespace }).then(({ items }) => items) : [],
  ]);
  return { configMaps: new Map(maps), secrets: new Map(texts), tokens: held, services };
}

/** True when the pod has volumes whose contents change with other objects. */
export function followsObjects({ spec }: Pod): boolean {
  return (spec.volumes ?? []).some(
    ({ configMap: map, secret: text, projected }) =>
      map !== undefined || text !== undefined || projected !== undefined,
  );
}

function referencesOf(pod: Pod): readonly [ReadonlySet<string>, ReadonlySet<string>] {
  const maps: (string | undefined)[] = [];
  const secrets: (string | undefined)[] = [];
  for (const { env = [], envFrom = [] } of containersOf(pod)) {
    for (const { valueFrom } of env) {
      maps.push(valueFrom?.configMapKeyRef?.name);
      secrets.push(valueFrom?.secretKeyRef?.name);
    }
    for (const { configMapRef, secretRef } of envFrom) {
      maps.push(configMapRef?.name);
      secrets.push(secretRef?.name);
    }
  }
  for (const volume of pod.spec.volumes ?? []) {
    maps.push(volume.configMap?.name);
    secrets.push(volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      maps.push(source.configMap?.name);
      secrets.push(source.secret?.name);
    }
  }
  const named = (names: readonly (string | undefined)[]): ReadonlySet<string> =>
    new Set(names.filter((name) => name !== undefined && name !== '').map(String));
  return [named(maps), named(secrets)];
}

async function readConfigMap(client: ApiClient, namespace: string, name: string): Promise<Keyed | undefined> {
  const found = await client.get(configMap, { namespace, name }).catch(undefinedWhenGone);
  return found === undefined
    ? undefined
    : new Map([
        ...Object.entries(found.data ?? {}).map(([key, text]) => [key, Buffer.from(text)] as const),
        ...decoded(found.binaryData),
      ]);
}

async function readSecret(client: ApiClient, namespace: string, name: string): Promise<Keyed | undefined> {
  const found = await client.get(secret, { namespace, name }).catch(undefinedWhenGone);
  return found === undefined ? undefined : new Map(decoded(found.data));
}

function decoded(data: Readonly<Record<string, string>> | undefined): (readonly [string, Uint8Array])[] {
  return Object.entries(data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const);
}

function undefinedWhenGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
