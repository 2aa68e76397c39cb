/** The query of a watch. */
import { invalidOptions } from '../api-errors.ts';
import { isTrue } from '../http/request-info.ts';
import { cause } from '../schema/causes.ts';
import { parseRevision } from './list.ts';
import { wholeNumber } from './write-options.ts';

/** Longest watch without `timeoutSeconds`, as in kube-apiserver: 30 to 60 minutes, spread so that clients do not return together. */
const minTimeoutMs = 30 * 60_000;

/** What a watch asks for. */
export interface WatchOptions {
  readonly from: number;
  /** Objects there already come first, as ADDED. */
  readonly initial: boolean;
  /** A bookmark tells where the initial objects end. */
  readonly markInitialEnd: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

/** Reads the options of a watch. Throws 400 or 422. */
export function watchOptions(query: URLSearchParams): WatchOptions {
  const version = query.get('resourceVersion') ?? '';
  const send = query.get('sendInitialEvents');
  const bookmarks = isTrue(query.get('allowWatchBookmarks'));
  const match = query.get('resourceVersionMatch') ?? '';
  if (send !== null && match !== 'NotOlderThan') {
    const why = 'resourceVersionMatch must be set to NotOlderThan if sendInitialEvents is set';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', 'resourceVersionMatch', why));
  }
  if (send === null && match !== '') {
    const why = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    throw invalidOptions('ListOptions', cause('FieldValueForbidden', 'resourceVersionMatch', why));
  }
  const seconds = wholeNumber(query, 'timeoutSeconds') ?? 0;
  const newest = version === '' || version === '0';
  return {
    from: newest ? 0 : parseRevision(version),
    initial: send === null ? newest : isTrue(send),
    markInitialEnd: isTrue(send) && bookmarks,
    bookmarks,
    timeoutMs: seconds > 0 ? seconds * 1000 : minTimeoutMs * (1 + Math.random()),
  };
}
