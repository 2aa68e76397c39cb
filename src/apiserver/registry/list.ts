import type { KindDefinition } from '#api/kind.ts';
import type { Entry } from '#store/entry.ts';
import { StoreError } from '#store/errors.ts';
import type { ListQuery } from '#store/past.ts';
import type { Store } from '#store/store.ts';
import { badRequest, gone, invalidOptions, tooLargeVersion } from '../api-errors.ts';
import { cause, notSupported } from '../schema/causes.ts';
import type { Call, Services } from './call.ts';
import { decodeToken, encodeToken } from './continue-token.ts';
import { type Selection, selectionOf } from './selection.ts';
import { wholeNumber } from './write-options.ts';

/** One page of a list. */
export interface Page {
  readonly entries: readonly Entry[];
  /** What `metadata.resourceVersion` of the list says. */
  readonly revision: number;
  readonly continue: string | undefined;
  readonly remaining: number | undefined;
}

const matches = ['Exact', 'NotOlderThan'] as const;

const expired =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

/** Lists as the query asks. Throws 400, 410, 422, or 504 for a resource version from the future. */
export function list({ store }: Services, call: Call, kind: KindDefinition): Page {
  const { query } = call.info;
  const selection = selectionOf(call, kind);
  const limit = wholeNumber(query, 'limit') ?? 0;
  const token = query.get('continue') ?? '';
  if (limit < 0) {
    throw invalidOptions(
      'ListOptions',
      cause('FieldValueInvalid', 'limit', 'must be greater than or equal to 0', limit),
    );
  }
  if (query.has('sendInitialEvents')) {
    const field = 'sendInitialEvents';
    throw invalidOptions(
      'ListOptions',
      cause('FieldValueForbidden', field, `${field} is forbidden for list`),
    );
  }
  const wanted = requestedRevision(query, limit > 0, token !== '', store.revision);
  const after = token === '' ? undefined : decodeToken(token);
  const revision = after === undefined ? wanted : after.revision === 0 ? undefined : after.revision;
  try {
    const shown = revision ?? store.revision;
    const walk = candidates(store, selection, after, revision);
    return page(selection, walk, shown, limit);
  } catch (error) {
    if (!(error instanceof StoreError) || error.reason !== 'Gone') {
      throw error;
    }
    if (after === undefined) {
      throw gone('The resourceVersion for the provided list is too old.');
    }
    throw gone(expired, encodeToken({ ...after, revision: 0 }));
  }
}

/** Where a selection's objects are among: one that is asked for by its name is not looked for. */
function candidates(
  store: Store,
  { resource, namespace, name }: Selection,
  after: ListQuery['after'],
  revision: number | undefined,
): Iterable<Entry> {
  if (name === undefined || namespace === undefined || after !== undefined || revision !== undefined) {
    return store.list({ resource, namespace, after, revision });
  }
  const entry = store.get({ resource, namespace, name });
  return entry === undefined ? [] : [entry];
}

/** The revision that the list must show exactly, undefined for the newest. Memory is never older than the disk here. */
function requestedRevision(
  query: URLSearchParams,
  limited: boolean,
  continued: boolean,
  current: number,
): number | undefined {
  const text = query.get('resourceVersion') ?? '';
  const match = query.get('resourceVersionMatch') ?? '';
  checkMatch(text, match, continued);
  if (text === '' || text === '0') {
    return undefined;
  }
  const revision = parseRevision(text);
  if (continued) {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (revision > current) {
    throw tooLargeVersion(revision, current);
  }
  return match === 'Exact' || (match === '' && limited) ? revision : undefined;
}

function checkMatch(text: string, match: string, continued: boolean): void {
  if (match === '') {
    return;
  }
  const field = 'resourceVersionMatch';
  if (text === '') {
    const why = 'resourceVersionMatch is forbidden unless resourceVersion is provided';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', field, why));
  }
  if (continued) {
    const why = 'resourceVersionMatch is forbidden when continue is provided';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', field, why));
  }
  if (!matches.some((each) => each === match)) {
    throw invalidOptions('ListOptions', notSupported(field, match, matches));
  }
  if (match === 'Exact' && text === '0') {
    const why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', field, why));
  }
}

/** A resource version of a query. Throws 400 when it is no number. */
export function parseRevision(text: string): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(
      `Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
    );
  }
  return Number(text);
}

function page(selection: Selection, walk: Iterable<Entry>, revision: number, limit: number): Page {
  const entries: Entry[] = [];
  let beyond = 0;
  for (const entry of walk) {
    if (!selection.matches(entry)) {
      continue;
    }
    if (limit === 0 || entries.length < limit) {
      entries.push(entry);
      continue;
    }
    beyond += 1;
    if (selection.selective) {
      break;
    }
  }
  const last = entries.at(-1);
  if (beyond === 0 || last === undefined) {
    return { entries, revision, continue: undefined, remaining: undefined };
  }
  const { namespace, name } = last;
  return {
    entries,
    revision,
    continue: encodeToken({ revision, namespace, name }),
    remaining: selection.selective ? undefined : beyond,
  };
}
