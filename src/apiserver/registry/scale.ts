/** The scale subresource: any kind with replicas, seen as an `autoscaling/v1` Scale (apiextensions `registry/customresource`). */
import { apiVersionOf, type KindDefinition, type ScalePaths } from '#api/kind.ts';
import { int32, object, string } from '#api/schema.ts';
import { badRequest, failure, invalid, notFound } from '../api-errors.ts';
import { objectViewer } from '../crd/view.ts';
import { decodeBody, decodeYaml, mediaType } from '../http/body.ts';
import { cause } from '../schema/causes.ts';
import { labelSelectorText } from '../selectors/label-selector.ts';
import type { Call, Services } from './call.ts';
import { keyOf } from './catalog.ts';
import { isRecord, readObject } from './metadata.ts';
import type { ApiObject } from './objects.ts';
import { changeOf, patch } from './patch.ts';
import { update } from './update.ts';
import type { WriteOptions } from './write-options.ts';

const applyPatch = 'application/apply-patch+yaml';

/** Never served by itself. */
export const scaleKind: KindDefinition = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  plural: 'scales',
  singular: 'scale',
  namespaced: true,
  builtin: true,
  schema: object({
    spec: object({ replicas: int32() }),
    status: object({ replicas: int32(), selector: string() }),
  }),
  columns: [],
};

/** An object whose scale is asked for or changed. */
export interface Scaled {
  readonly kind: KindDefinition;
  readonly paths: ScalePaths;
  readonly namespace: string;
  readonly name: string;
}

/** `GET …/scale`. Throws 404. */
export function readScale({ store }: Services, { kind, paths, namespace, name }: Scaled): string {
  const entry = store.get(keyOf(kind, namespace, name));
  if (entry === undefined) {
    throw notFound(kind, name);
  }
  const live = objectViewer(kind)(entry);
  if (valueAt(live, paths.specReplicasPath) === undefined) {
    const why = `the spec replicas field ${JSON.stringify(paths.specReplicasPath)} does not exist`;
    throw failure(500, 'InternalError', `Internal error occurred: ${why}`);
  }
  return JSON.stringify(scaleOf(live, paths));
}

/** `PUT …/scale`. Throws 400, 404, 409 or 422. */
export function replaceScale(
  services: Services,
  call: Call,
  scaled: Scaled,
  request: { readonly body: Buffer; readonly contentType: string | undefined },
  options: WriteOptions,
): Promise<string> {
  const wanted = readObject('Scale', decodeBody(request.body, request.contentType).value);
  return write(services, call, scaled, () => wanted, options);
}

/** `PATCH …/scale` with any kind of patch. Throws 400, 404, 409, 415 or 422. */
export async function patchScale(
  services: Services,
  call: Call,
  scaled: Scaled,
  request: { readonly body: Buffer; readonly contentType: string | undefined },
  options: WriteOptions,
): Promise<string> {
  const { kind, paths, namespace, name } = scaled;
  if (mediaType(request.contentType) !== applyPatch) {
    return write(services, call, scaled, changeOf(scaleKind, request.body, request.contentType), options);
  }
  const applied = readObject('Scale', decodeYaml(request.body.toString('utf8')).value);
  const place = { name, ...(kind.namespaced ? { namespace } : {}) };
  const empty = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: place } as ApiObject;
  const body = Buffer.from(JSON.stringify(withValue(empty, paths.specReplicasPath, replicasOf(applied))));
  const target = { kind, namespace, name, subresource: 'scale', body, contentType: applyPatch };
  const { text } = await patch(services, call, target, options);
  return JSON.stringify(scaleOf(JSON.parse(text) as ApiObject, paths));
}

async function write(
  services: Services,
  call: Call,
  { kind, paths, namespace, name }: Scaled,
  change: (scale: ApiObject) => ApiObject,
  options: WriteOptions,
): Promise<string> {
  const next = (live: ApiObject) => {
    const scale = change(scaleOf(live, paths));
    checkIdentity(scale, name);
    const replicas = replicasOf(scale);
    const { resourceVersion } = scale.metadata;
    const metadata = { ...live.metadata, resourceVersion: resourceVersion ?? '' };
    return { object: withValue({ ...live, metadata }, paths.specReplicasPath, replicas) };
  };
  const text = await update(services, call, { kind, namespace, name, subresource: 'scale', next }, options);
  return JSON.stringify(scaleOf(JSON.parse(text) as ApiObject, paths));
}

function checkIdentity(scale: ApiObject, name: string): void {
  if (scale.metadata.name !== name) {
    throw badRequest(
      `the name of the object (${scale.metadata.name ?? ''}) does not match the name on the URL (${name})`,
    );
  }
}

/** The wanted number. Throws 400 or 422. */
function replicasOf(scale: ApiObject): number {
  const spec = isRecord(scale['spec']) ? scale['spec'] : {};
  const replicas = spec['replicas'] ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    const shown = typeof replicas === 'string' ? 'string' : JSON.stringify(replicas);
    throw badRequest(
      `Scale in version "v1" cannot be handled as a Scale: json: cannot unmarshal ${shown} into Go struct field ScaleSpec.spec.replicas of type int32`,
    );
  }
  if (replicas < 0) {
    throw invalid(scaleKind, scale.metadata.name, [
      cause('FieldValueInvalid', 'spec.replicas', 'must be greater than or equal to 0', replicas),
    ]);
  }
  return replicas;
}

/** The scale of an object. */
export function scaleOf(live: ApiObject, paths: ScalePaths): ApiObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = live.metadata;
  const selector = paths.labelSelectorPath === undefined ? '' : valueAt(live, paths.labelSelectorPath);
  // A ReplicationController's is a plain map of labels.
  const isMap = isRecord(selector) && Object.values(selector).every((value) => typeof value === 'string');
  const text =
    typeof selector === 'string' ? selector : labelSelectorText(isMap ? { matchLabels: selector } : selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: { replicas: numberAt(live, paths.specReplicasPath) },
    status: {
      replicas: numberAt(live, paths.statusReplicasPath),
      ...(text === '' ? {} : { selector: text }),
    },
  };
}

function numberAt(live: ApiObject, path: string): number {
  const value = valueAt(live, path);
  return typeof value === 'number' ? value : 0;
}

/** The value at a simple path such as `.spec.replicas`. */
function valueAt(live: ApiObject, path: string): unknown {
  return fieldsOf(path).reduce<unknown>((at, name) => (isRecord(at) ? at[name] : undefined), live);
}

function fieldsOf(path: string): readonly string[] {
  return path.replace(/^\./, '').split('.');
}

function withValue(live: ApiObject, path: string, value: unknown): ApiObject {
  const set = (at: unknown, [name = '', ...rest]: readonly string[]): Record<string, unknown> => {
    const fields = isRecord(at) ? at : {};
    return { ...fields, [name]: rest.length === 0 ? value : set(fields[name], rest) };
  };
  return set(live, fieldsOf(path)) as unknown as ApiObject;
}
