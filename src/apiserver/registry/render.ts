/** Objects and lists in the form that a client asked for. */
import type { KindDefinition } from '#api/kind.ts';
import type { Entry } from '#store/entry.ts';
import { objectViewer, textViewer } from '../crd/view.ts';
import type { Form } from '../http/accept.ts';
import { toTable } from '../table/table.ts';
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

/** Characters of a list that are made at once. */
const pieceLength = 256 * 1024;

/** Renders a list, piece by piece. Its items are the stored texts, which were made once when the objects were written. */
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
    const objects = page.entries.map(objectViewer(kind));
    const includes = includeObject(call);
    const options = { resourceVersion, continue: token, remainingItemCount, includeObject: includes, now };
    yield JSON.stringify(toTable(kind, objects, options));
    return;
  }
  const partialForm = form.as !== 'object';
  const type = partialForm
    ? { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1' }
    : listType(kind);
  // Fields without a value are left out.
  const metadata = JSON.stringify({ resourceVersion, continue: token, remainingItemCount });
  const item = partialForm ? (entry: Entry) => `${partialStart}${metadataTextOf(entry)}}` : textViewer(kind);
  yield* pieces(
    `{"kind":"${type.kind}","apiVersion":"${type.apiVersion}","metadata":${metadata},"items":[`,
    page.entries,
    item,
  );
}

/** `start`, the items with commas in between, and the end of a list. */
function* pieces(
  start: string,
  entries: readonly Entry[],
  item: (entry: Entry) => string,
): Generator<string> {
  let texts: string[] = [];
  let length = 0;
  let before = start;
  for (const entry of entries) {
    const text = item(entry);
    texts.push(text);
    length += text.length;
    if (length >= pieceLength) {
      yield before + texts.join(',');
      before = ',';
      texts = [];
      length = 0;
    }
  }
  yield `${texts.length === 0 && before === ',' ? '' : before}${texts.join(',')}]}\n`;
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
