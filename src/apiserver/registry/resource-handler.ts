/** Requests for objects, by verb and subresource. */
import type { KindDefinition } from '#api/kind.ts';
import { methodNotAllowed, noSuchPath, notAcceptable } from '../api-errors.ts';
import { customVersionOf, definitionResource } from '../crd/served.ts';
import { type Form, negotiate, servedTypes } from '../http/accept.ts';
import { asYaml } from '../http/answer.ts';
import type { Call, Services } from './call.ts';
import { resourceOf } from './catalog.ts';
import type { Handler, Reply, ResourceRequest } from './handling.ts';
import {
  createOne,
  deleteAll,
  deleteOne,
  getEvents,
  getOne,
  getPage,
  patchOne,
  updateOne,
} from './object-handlers.ts';
import { bindPod, changeScale, evictPod, getScale, putScale } from './subresource-handlers.ts';

const transforms: readonly Form['as'][] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];

const mainHandlers: Readonly<Partial<Record<string, Handler>>> = {
  get: getOne,
  list: getPage,
  watch: getEvents,
  create: createOne,
  update: updateOne,
  patch: patchOne,
  delete: deleteOne,
  deletecollection: deleteAll,
};

const statusHandlers: Readonly<Partial<Record<string, Handler>>> = {
  get: getOne,
  update: updateOne,
  patch: patchOne,
};

const scaleHandlers: Readonly<Partial<Record<string, Handler>>> = {
  get: getScale,
  update: putScale,
  patch: changeScale,
};

/** Answers a request for a served resource. Throws ApiError. */
export async function handleResource(
  services: Services,
  call: Call,
  request: ResourceRequest,
): Promise<Reply> {
  const { info } = call;
  const kind = services.catalog.find(info.group, info.version, info.resource);
  if (
    kind === undefined ||
    info.rest.length > 0 ||
    (!kind.namespaced && info.namespace !== '' && info.resource !== 'namespaces')
  ) {
    throw noSuchPath();
  }
  const handlers = handlersOf(kind, info.subresource);
  if (handlers === undefined) {
    throw noSuchPath();
  }
  const handler = handlers[info.verb];
  if (
    handler === undefined ||
    (info.name === '' && (info.verb === 'update' || info.verb === 'patch')) ||
    (kind.namespaced && info.namespace === '' && (info.name !== '' || info.verb === 'create'))
  ) {
    throw methodNotAllowed();
  }
  const negotiated = negotiate(request.accept, transforms);
  if (negotiated === undefined) {
    throw notAcceptable(servedTypes);
  }
  const now = new Date(services.clock.now());
  warnOfDeprecation(call, kind);
  const answer = await handler({ services, call, kind, request, form: negotiated.form, now });
  if (isDefinition(kind) && writes.has(info.verb)) {
    services.onDefinition?.();
  }
  return negotiated.yaml && !('stream' in answer) ? asYaml(answer) : answer;
}

function handlersOf(
  kind: KindDefinition,
  subresource: string,
): Readonly<Partial<Record<string, Handler>>> | undefined {
  switch (subresource) {
    case '':
      return mainHandlers;
    case 'status':
      return kind.subresources?.status === true ? statusHandlers : undefined;
    case 'scale':
      return kind.subresources?.scale === undefined ? undefined : scaleHandlers;
    case 'eviction':
      return kind.group === '' && kind.plural === 'pods' ? { create: evictPod } : undefined;
    case 'binding':
      return kind.group === '' && kind.plural === 'pods' ? { create: bindPod } : undefined;
    case 'ephemeralcontainers':
    case 'resize':
      return kind.group === '' && kind.plural === 'pods' ? statusHandlers : undefined;
    case 'approval':
      return kind.group === 'certificates.k8s.io' && kind.plural === 'certificatesigningrequests'
        ? statusHandlers
        : undefined;
    case 'finalize':
      return kind.group === '' && kind.plural === 'namespaces' ? { update: updateOne } : undefined;
    default:
      return undefined;
  }
}

const writes: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

function isDefinition(kind: KindDefinition): boolean {
  return kind.plural === 'customresourcedefinitions' && resourceOf(kind) === definitionResource;
}

function warnOfDeprecation(call: Call, kind: KindDefinition): void {
  const deprecation = kind.deprecation ?? customVersionOf(kind)?.deprecation;
  if (deprecation !== undefined) {
    call.warnings.push(deprecation);
  }
}
