/** Subresources that are more than a part of their object: scale, eviction, binding. */
import { admitSubresource } from '../admission/attributes.ts';
import { noSuchPath } from '../api-errors.ts';
import { type Answer, jsonText } from '../http/answer.ts';
import { decodeBody } from '../http/body.ts';
import { bind } from './binding.ts';
import { evictionOptions } from './delete-options.ts';
import { evict } from './eviction.ts';
import { type Handling, placeOf } from './handling.ts';
import { readObject } from './metadata.ts';
import { patchScale, readScale, replaceScale, type Scaled } from './scale.ts';
import { writeOptions } from './write-options.ts';

function scaledOf(handling: Handling): Scaled {
  const { kind } = handling;
  const paths = kind.subresources?.scale;
  if (paths === undefined) {
    throw noSuchPath();
  }
  return { kind, paths, ...placeOf(handling) };
}

export function getScale(handling: Handling): Answer {
  return jsonText(readScale(handling.services, scaledOf(handling)));
}

export async function putScale(handling: Handling): Promise<Answer> {
  const { services, call, request } = handling;
  const options = writeOptions(call, 'UpdateOptions');
  return jsonText(await replaceScale(services, call, scaledOf(handling), request, options));
}

export async function changeScale(handling: Handling): Promise<Answer> {
  const { services, call, request } = handling;
  const options = writeOptions(call, 'PatchOptions');
  return jsonText(await patchScale(services, call, scaledOf(handling), request, options));
}

export async function evictPod(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const { value } = decodeBody(request.body, request.contentType);
  const options = evictionOptions(call.info.query, value);
  const eviction = { apiVersion: 'policy/v1', ...readObject('Eviction', value), kind: 'Eviction' };
  await admitSubresource(services, call, kind, 'CREATE', eviction, options.dryRun);
  return jsonText(await evict(services, { kind, ...placeOf(handling) }, value, options), 201);
}

export async function bindPod(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const options = writeOptions(call, 'CreateOptions');
  const { value } = decodeBody(request.body, request.contentType);
  return jsonText(await bind(services, call, { kind, ...placeOf(handling) }, value, options), 201);
}
