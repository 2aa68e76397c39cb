/** What is asked of objects themselves, by verb. */
import { methodNotAllowed, notFound } from '../api-errors.ts';
import { type Answer, jsonText, type PiecesAnswer, type StreamAnswer } from '../http/answer.ts';
import type { Outgoing } from '../http/exchange.ts';
import { keyOf, resourceOf } from './catalog.ts';
import { create } from './create.ts';
import { remove } from './delete.ts';
import { deleteCollection } from './delete-collection.ts';
import { deleteOptions } from './delete-options.ts';
import { bodyOf, checkPlace, type Handling, placeOf, subresourceOf } from './handling.ts';
import { list, type Page } from './list.ts';
import { patch } from './patch.ts';
import { renderEntry, renderPage, renderText } from './render.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';
import { writeOptions } from './write-options.ts';

export function getOne({ services, call, kind, form, now }: Handling): Answer {
  const { namespace, name } = call.info;
  const began = performance.now();
  const key = keyOf(kind, namespace, name);
  const entry = services.store.get(key);
  services.onRead?.('get', key.resource, began);
  if (entry === undefined) {
    throw notFound(kind, name);
  }
  return jsonText(renderEntry(form, kind, call, now)(entry));
}

export function getPage(handling: Handling): Answer | PiecesAnswer {
  const { services, call, kind } = handling;
  const began = performance.now();
  const page = list(services, call, kind);
  services.onRead?.('list', resourceOf(kind), began);
  return pageAnswer(handling, page, () => services.store.hold());
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

export function getEvents({ services, call, kind, request, form, now }: Handling): StreamAnswer {
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

export async function createOne(handling: Handling): Promise<Answer> {
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

export async function updateOne(handling: Handling): Promise<Answer> {
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

export async function patchOne(handling: Handling): Promise<Answer> {
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

export async function deleteOne(handling: Handling): Promise<Answer> {
  const { services, call, kind, request } = handling;
  const options = deleteOptions(call.info.query, request.body, request.contentType);
  return jsonText(await remove(services, kind, placeOf(handling), options, call));
}

export async function deleteAll(handling: Handling): Promise<Answer | PiecesAnswer> {
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
