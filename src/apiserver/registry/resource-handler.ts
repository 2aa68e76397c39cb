/** Requests for objects, by verb and subresource. */
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { admitSubresource } from '../admission/attributes.ts';
import { badRequest, methodNotAllowed, noSuchPath, notAcceptable, notFound } from '../api-errors.ts';
import { customVersionOf, definitionResource } from '../crd/served.ts';
import { type Form, negotiate, servedTypes } from '../http/accept.ts';
import { type Answer, asYaml, jsonText, type PiecesAnswer, type StreamAnswer } from '../http/answer.ts';
import { decodeBody } from '../http/body.ts';
import type { Outgoing } from '../http/exchange.ts';
import { bind } from './binding.ts';
import type { Call, Services } from './call.ts';
import { keyOf, resourceOf } from './catalog.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { deleteOptions, evictionOptions } from './delete-options.ts';
import { evict } from './eviction.ts';
import { list, type Page } from './list.ts';
import { readObject } from './metadata.ts';
import type { ApiObject } from './objects.ts';
import { patch } from './patch.ts';
import { renderEntry, renderPage, renderText } from './render.ts';
import { patchScale, readScale, replaceScale, type Scaled } from './scale.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';
import { writeOptions } from './write-options.ts';

/** The parts of a request that handlers need besides the call. */
export interface ResourceRequest {
  readonly accept: string | undefined;
  readonly contentType: string | undefined;
  readonly body: Buffer;
  /** Takes a running watch into account, so that the server can end it. Returns what to call when it ended. */
  readonly track: (end: () => void) => () => void;
}

const transforms: readonly Form['as'][] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];

interface Handling {
  readonly services: Services;
  readonly call: Call;
  readonly kind: KindDefinition;
  readonly request: ResourceRequest;
  readonly form: Form;
  readonly now: Date;
}

type Handler = (handling: Handling) => Reply | Promise<Reply>;

type Reply = Answer | PiecesAnswer | StreamAnswer;

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

function placeOf({ call, kind }: Handling): { readonly namespace: string; readonly name: string } {
  return { namespace: kind.namespaced ? call.info.namespace : '', name: call.info.name };
}

function subresourceOf({ call }: Handling): string | undefined {
  return call.info.subresource === '' ? undefined : call.info.subresource;
}

function getOne({ services, call, kind, form, now }: Handling): Answer {
  const { namespace, name } = call.info;
  const entry = services.store.get(keyOf(kind, namespace, name));
  if (entry === undefined) {
    throw notFound(kind, name);
  }
  return jsonText(renderEntry(form, kind, call, now)(entry));
}

function getPage(handling: Handling): Answer | PiecesAnswer {
  const { services, call, kind } = handling;
  return pageAnswer(handling, list(services, call, kind), () => services.store.hold());
}

/** Objects of a list that is sent in one piece. */
const fewObjects = 250;

/** A list; a long one is made while it is sent, and `hold` keeps it readable for so long. */
function pageAnswer(
  { call, kind, form, now }: Handling,
  page: Page,
  hold: () => () => void,
): Answer | PiecesAnswer {
  const pieces = renderPage(form, kind, call, now, page);
  return page.entries.length <= fewObjects
    ? jsonText([...pieces].join(''))
    : { code: 200, pieces, release: hold() };
}

function getEvents({ services, call, kind, request, form, now }: Handling): StreamAnswer {
  const render = renderEntry(form, kind, call, now);
  const count = services.onWatch?.(kind);
  const open = watch(services, call, kind, (entry) => {
    count?.();
    return render(entry);
  });
  const { catalog } = services;
  return {
    stream: (response: Outgoing) => {
      let untrack = (): void => undefined;
      const end = open(response, () => untrack());
      const forget = catalog.whenGone(kind, end);
      const untrackWatch = request.track(end);
      untrack = () => {
        forget();
        untrackWatch();
      };
    },
  };
}

async function createOne(handling: Handling): Promise<Answer> {
  const { services, call, kind, form, now } = handling;
  const options = writeOptions(call, 'CreateOptions');
  const { object, duplicates } = bodyOf(handling);
  const { namespace, name } = call.info;
  if (name !== '') {
    throw methodNotAllowed();
  }
  const creation = { kind, namespace: kind.namespaced ? namespace : '', object, duplicates };
  const text = await create(services, call, creation, options);
  return jsonText(renderText(form, kind, call, now, text), 201);
}

async function updateOne(handling: Handling): Promise<Answer> {
  const { services, call, kind, form, now } = handling;
  const options = writeOptions(call, 'UpdateOptions');
  const wanted = bodyOf(handling);
  const place = placeOf(handling);
  checkPlace(kind, place, wanted.object);
  const subresource = subresourceOf(handling);
  const text = await update(
    services,
    call,
    { kind, ...place, subresource, replaces: true, next: () => wanted },
    options,
  );
  return jsonText(renderText(form, kind, call, now, text));
}

async function patchOne(handling: Handling): Promise<Answer> {
  const { services, call, kind, request, form, now } = handling;
  const options = writeOptions(call, 'PatchOptions');
  const { body, contentType } = request;
  const subresource = subresourceOf(handling);
  const patched = await patch(
    services,
    call,
    { kind, ...placeOf(handling), subresource, body, contentType },
    options,
  );
  return jsonText(renderText(form, kind, call, now, patched.text), patched.created ? 201 : 200);
}

async function deleteOne(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const options = deleteOptions(call.info.query, request.body, request.contentType);
  return jsonText(await remove(services, kind, placeOf(handling), options, call));
}

async function deleteAll(handling: Handling): Promise<Answer | PiecesAnswer> {
  const { services, call, kind, request } = handling;
  const options = deleteOptions(call.info.query, request.body, request.contentType);
  const page = list(services, call, kind);
  const release = services.store.hold();
  try {
    await deleteCollection(services, kind, page.entries, options, call);
    return pageAnswer(handling, page, () => services.store.hold());
  } finally {
    release();
  }
}

function scaledOf(handling: Handling): Scaled {
  const { kind } = handling;
  const paths = kind.subresources?.scale;
  if (paths === undefined) {
    throw noSuchPath();
  }
  return { kind, paths, ...placeOf(handling) };
}

function getScale(handling: Handling): Answer {
  return jsonText(readScale(handling.services, scaledOf(handling)));
}

async function putScale(handling: Handling): Promise<Answer> {
  const { services, call, request } = handling;
  const options = writeOptions(call, 'UpdateOptions');
  return jsonText(await replaceScale(services, call, scaledOf(handling), request, options));
}

async function changeScale(handling: Handling): Promise<Answer> {
  const { services, call, request } = handling;
  const options = writeOptions(call, 'PatchOptions');
  return jsonText(await patchScale(services, call, scaledOf(handling), request, options));
}

async function evictPod(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const { value } = decodeBody(request.body, request.contentType);
  const options = evictionOptions(call.info.query, value);
  const eviction = { apiVersion: 'policy/v1', ...readObject('Eviction', value), kind: 'Eviction' };
  await admitSubresource(services, call, kind, 'CREATE', eviction, options.dryRun);
  return jsonText(await evict(services, { kind, ...placeOf(handling) }, value, options), 201);
}

const writes: ReadonlySet<string> = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

function isDefinition(kind: KindDefinition): boolean {
  return kind.plural === 'customresourcedefinitions' && resourceOf(kind) === definitionResource;
}

function warnOfDeprecation(call: Call, kind: KindDefinition): void {
  const deprecation = customVersionOf(kind)?.deprecation;
  if (deprecation !== undefined) {
    call.warnings.push(deprecation);
  }
}

async function bindPod(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const options = writeOptions(call, 'CreateOptions');
  const { value } = decodeBody(request.body, request.contentType);
  return jsonText(await bind(services, call, { kind, ...placeOf(handling) }, value, options), 201);
}

/** The object in the body. Throws 400 when it is of another kind than the path. */
function bodyOf({ kind, request }: Handling): {
  readonly object: ApiObject;
  readonly duplicates: readonly string[];
} {
  const { value, duplicates } = decodeBody(request.body, request.contentType);
  const object = readObject(kind.kind, value);
  const wanted = apiVersionOf(kind);
  const { apiVersion = wanted, kind: given = kind.kind } = object;
  if (given !== kind.kind) {
    throw badRequest(
      `${given} in version ${JSON.stringify(apiVersion)} cannot be handled as a ${kind.kind}: kind does not match the path`,
    );
  }
  if (apiVersion !== wanted) {
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${wanted})`,
    );
  }
  return { object, duplicates };
}

function checkPlace(
  kind: KindDefinition,
  place: { readonly namespace: string; readonly name: string },
  { metadata }: ApiObject,
): void {
  if (metadata.name !== place.name) {
    throw badRequest(
      `the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${place.name})`,
    );
  }
  if (kind.namespaced && (metadata.namespace ?? place.namespace) !== place.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}
