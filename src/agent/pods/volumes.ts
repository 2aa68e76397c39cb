/** Volumes of a pod as contents for the driver. Pure. */
import type { Container, Pod } from '#api/core/pod.ts';
import type { VolumeContents, VolumeFile } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { wholeValue } from '#machinery/quantity.ts';
import { fieldValue, type PodFacts, resourceValue } from './fields.ts';
import type { Keyed, Sources } from './sources.ts';
import { tokenKey } from './tokens.ts';

type Volume = NonNullable<Pod['spec']['volumes']>[number];
type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
type Items = NonNullable<Volume['configMap']>['items'];

interface VolumeInput {
  readonly pod: Pod;
  readonly facts: PodFacts;
  readonly sources: Sources;
}

/** Composes all volumes. @throws PatchbayError `FailedMount` that names the volume */
export function composeVolumes(input: VolumeInput): readonly VolumeContents[] {
  const gid = input.pod.spec.securityContext?.fsGroup;
  return (input.pod.spec.volumes ?? []).map((volume) => ({
    ...composeVolume(input, volume),
    ...(gid !== undefined && { gid }),
  }));
}

function composeVolume(input: VolumeInput, volume: Volume): VolumeContents {
  const { name, emptyDir, configMap, secret, downwardAPI, projected } = volume;
  if (emptyDir !== undefined) {
    const size = emptyDir.sizeLimit === undefined ? undefined : wholeValue(emptyDir.sizeLimit);
    return {
      name,
      type: emptyDir.medium === 'Memory' ? 'memory' : 'disk',
      ...(size !== undefined && size > 0 && { size }),
    };
  }
  const files = (): readonly VolumeFile[] => {
    if (configMap !== undefined) {
      return keyedFiles(
        name,
        'configmap',
        input.sources.configMaps,
        configMap.name ?? '',
        configMap,
        configMap.defaultMode,
      );
    }
    if (secret !== undefined) {
      return keyedFiles(
        name,
        'secret',
        input.sources.secrets,
        secret.secretName ?? '',
        secret,
        secret.defaultMode,
      );
    }
    if (downwardAPI !== undefined) {
      return downwardFiles(input, name, downwardAPI.items ?? [], downwardAPI.defaultMode);
    }
    if (projected !== undefined) {
      return (projected.sources ?? []).flatMap((source) =>
        projectedFiles(input, name, source, projected.defaultMode),
      );
    }
    const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'nothing';
    throw failed(
      name,
      `${kind} is not supported on this node; allowed are emptyDir, configMap, secret, downwardAPI and projected`,
    );
  };
  return { name, type: 'files', files: lastOfEach(files()) };
}

function projectedFiles(
  input: VolumeInput,
  volume: string,
  source: Projection,
  mode: number | undefined,
): readonly VolumeFile[] {
  const { configMap, secret, downwardAPI, serviceAccountToken: token } = source;
  if (configMap !== undefined) {
    return keyedFiles(volume, 'configmap', input.sources.configMaps, configMap.name ?? '', configMap, mode);
  }
  if (secret !== undefined) {
    return keyedFiles(volume, 'secret', input.sources.secrets, secret.name ?? '', secret, mode);
  }
  if (downwardAPI !== undefined) {
    return downwardFiles(input, volume, downwardAPI.items ?? [], mode);
  }
  if (token !== undefined) {
    const content = Buffer.from(input.sources.tokens.get(tokenKey(token)) ?? '');
    // The driver lets the group of the pod's files read it, as kubelet does.
    const closed = input.pod.spec.securityContext?.fsGroup !== undefined;
    return [{ path: token.path, mode: closed ? 0o600 : (mode ?? 0o644), content }];
  }
  throw failed(
    volume,
    `projected source ${Object.keys(source)[0] ?? 'nothing'} is not supported on this node; allowed are configMap, secret, downwardAPI and serviceAccountToken`,
  );
}

function keyedFiles(
  volume: string,
  what: string,
  objects: ReadonlyMap<string, Keyed | undefined>,
  name: string,
  { items, optional }: { readonly items?: Items; readonly optional?: boolean | undefined },
  defaultMode = 0o644,
): readonly VolumeFile[] {
  const found = objects.get(name);
  if (found === undefined) {
    if (optional === true) return [];
    throw failed(volume, `${what} "${name}" not found`);
  }
  if (items === undefined || items.length === 0) {
    return [...found].map(([key, content]) => ({ path: key, mode: defaultMode, content }));
  }
  return items.flatMap(({ key, path, mode }) => {
    const content = found.get(key);
    if (content === undefined) {
      if (optional === true) return [];
      throw failed(volume, `${what} references non-existent config key: ${key}`);
    }
    return [{ path, mode: mode ?? defaultMode, content }];
  });
}

type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

function downwardFiles(
  { pod, facts }: VolumeInput,
  volume: string,
  items: readonly DownwardItem[],
  defaultMode = 0o644,
): readonly VolumeFile[] {
  return items.map(({ path, fieldRef, resourceFieldRef, mode }) => {
    const of: Container | undefined = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(
      ({ name }) => name === resourceFieldRef?.containerName,
    );
    const text =
      fieldRef !== undefined
        ? fieldValue(pod, facts, fieldRef.fieldPath)
        : of !== undefined && resourceFieldRef !== undefined
          ? resourceValue(of, pod.spec, facts, resourceFieldRef)
          : undefined;
    if (text === undefined) {
      throw failed(volume, `item ${path} names no container of the pod`);
    }
    return { path, mode: mode ?? defaultMode, content: Buffer.from(text) };
  });
}

function lastOfEach(files: readonly VolumeFile[]): readonly VolumeFile[] {
  return [...new Map(files.map((file) => [file.path, file])).values()];
}

function failed(volume: string, why: string): PatchbayError {
  return new PatchbayError('FailedMount', `MountVolume.SetUp failed for volume "${volume}" : ${why}`);
}
