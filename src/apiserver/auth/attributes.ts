/** What permissions are decided about: a request, or what a review asks about one. */
import type { RequestInfo } from '../http/request-info.ts';

/** A `RequestInfo` is one; verbs here may be any, such as `bind` or `impersonate`. */
export interface Attributes {
  readonly isResource: boolean;
  readonly path: string;
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Selectors of lists and watches. */
  readonly query?: URLSearchParams;
}

/** A question about a resource; what is left out is empty. */
export function resourceAttributes(
  given: Partial<Attributes> & Pick<Attributes, 'verb' | 'resource'>,
): Attributes {
  return {
    isResource: true,
    path: '',
    group: '',
    version: '',
    subresource: '',
    namespace: '',
    name: '',
    ...given,
  };
}

/** What a request is judged by: lists and watches of one name by `metadata.name` count as that name's. */
export function attributesOf(info: RequestInfo): Attributes {
  if (info.name !== '' || !info.isResource || info.verb === 'create') {
    return info;
  }
  const name = selectedField(info.query, 'metadata.name');
  return name === '' ? info : { ...info, name };
}

/** The value that a field selector demands of a field, or nothing. */
export function selectedField(query: URLSearchParams | undefined, field: string): string {
  return demanded(query?.get('fieldSelector') ?? '', field);
}

/** The value that a label selector demands of a label, or nothing. */
export function selectedLabel(query: URLSearchParams | undefined, label: string): string {
  return demanded(query?.get('labelSelector') ?? '', label);
}

function demanded(selector: string, key: string): string {
  if (selector === '') {
    return '';
  }
  for (const term of selector.split(',')) {
    const [, left = '', right = ''] = /^\s*([^=!\s]+)\s*==?\s*([^=!\s]+)\s*$/.exec(term) ?? [];
    if (left === key && right !== '') {
      return right;
    }
  }
  return '';
}
