/** Objects and lists in the form that a client asked for. */
import type { KindDefinition } from '#api/kind.ts';
import type { Entry } from '#store/entry.ts';
import { objectViewer, textViewer } from '../crd/view.ts';
import type { Form } from '../http/accept.ts';
import { tableRow, toTable } from '../table/table.ts';
import type { Call } from './call.ts';
import { listType } from './catalog.ts';
import type { Page } from './list.ts';
import { type ApiObject, metadataTextOf } from './objects.ts';

/** Renders one stored object. */
export function renderEntry(
  form: Form,
  kind: KindDefinition,
  call: Call,
  now: Date,
): (entry: Entry) => string {
  const view = objectViewer(kind);
  return form.as === 'object'
    ? textViewer(kind)
    : (entry) => renderObject(form, kind, call, now, view(entry));
}

/** Renders the text of one object. */
export function renderText(form: Form, kind: KindDefinition, call: Call, now: Date, text: string): string {
  return form.as === 'object' ? text : renderObject(form, kind, call, now, JSON.parse(text) as ApiObject);
}

function renderObject(form: Form, kind: KindDefinition, call: Call, now: Date, object: ApiObject): string {
  // Statuses (of deletions) have no other form.
  if (object.kind === 'Status') {
    return JSON.stringify(object);
  }
  if (form.as === 'Table') {
    const resourceVersion = object.metadata.resourceVersion;
    return JSON.stringify(
      toTable(kind, [object], { resourceVersion, includeObject: includeObject(call), now }),
    );
  }
  return JSON.stringify(partial(object));
}

/**
 * Renders a list, text by text: an object is one, and the commas between are. They are the stored texts, which were made
 * once when the objects were written.
 */
export function* renderPage(
  form: Form,
  kind: KindDefinition,
  call: Call,
  now: Date,
  page: Page,
): Generator<string> {
  const resourceVersion = String(page.revision);
  const { continue: token, remaining: remainingItemCount } = page;
  if (form.as === 'Table') {
    const includes = includeObject(call);
    const options = { resourceVersion, continue: token, remainingItemCount, includeObject: includes, now };
    const view = objectViewer(kind);
    const empty = JSON.stringify(toTable(kind, [], options));
    const end = ']}';
    yield* listed(
      empty.slice(0, -end.length),
      page.entries,
      (entry) => JSON.stringify(tableRow(kind, view(entry), options)),
      end,
    );
    return;
  }
  const partialForm = form.as !== 'object';
  const type = partialForm
    ? { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' }
    : listType(kind);
  // Fields without a value are left out.
  const metadata = JSON.stringify({ resourceVersion, continue: token, remainingItemCount });
  const item = partialForm ? (entry: Entry) => `${partialStart}${metadataTextOf(entry)}}` : textViewer(kind);
  yield* listed(
    `{"kind":"${type.kind}","apiVersion":"${type.apiVersion}","metadata":${metadata},"items":[`,
    page.entries,
    item,
    ']}\n',
  );
}

function* listed(
  start: string,
  entries: readonly Entry[],
  item: (entry: Entry) => string,
  end: string,
): Generator<string> {
  let before = start;
  for (const entry of entries) {
    yield before;
    yield item(entry);
    before = ',';
  }
  yield entries.length === 0 ? start + end : end;
}

/** Metadata is the same in every version of a kind, and never defaulted: the stored text will do. */
const partialStart = '{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":';

function partial(object: ApiObject): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

function includeObject(call: Call): 'None' | 'Metadata' | 'Object' {
  const wanted = call.info.query.get('includeObject');
  return wanted === 'None' || wanted === 'Object' ? wanted : 'Metadata';
}
