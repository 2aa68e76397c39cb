/** What a request asks for, read from its method and URL (apiserver `endpoints/request/requestinfo.go`). */

/** What is done to what. */
export interface RequestInfo {
  /** True for `/api/v1/…` and `/apis/GROUP/VERSION/…` below the version. */
  readonly isResource: boolean;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly verb: Verb;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Segments after the subresource; nothing here takes any. */
  readonly rest: readonly string[];
}

/** Kubernetes' verbs, as rules name them. Requests that are for no resource have the method in lower case. */
export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'head'
  | 'options'
  | 'post'
  | 'put'
  | 'other';

const resourceVerbs: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

const plainVerbs: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'head',
  POST: 'post',
  PUT: 'put',
  PATCH: 'patch',
  DELETE: 'delete',
  OPTIONS: 'options',
};

/** Subresources of a namespace, which are no resources inside it. */
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);

/** Reads a request. Throws `URIError` when the path has a broken escape. */
export function requestInfo(method: string, url: string): RequestInfo {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  const plain = { isResource: false, path, query, verb: plainVerbs[method] ?? 'other', ...nothing };
  const segments = path.split('/').slice(1);
  const core = segments[0] === 'api';
  const from = core ? 2 : 3;
  if ((!core && segments[0] !== 'apis') || segments.length <= from || segments[from] === '') {
    return plain;
  }
  const parts = segments.slice(from).map(decodeURIComponent);
  const place = locate(parts);
  return {
    ...plain,
    isResource: true,
    group: core ? '' : (segments[1] ?? ''),
    version: segments[from - 1] ?? '',
    ...place,
    verb: verbOf(method, place, query),
  };
}

const nothing = {
  group: '',
  version: '',
  resource: '',
  subresource: '',
  namespace: '',
  name: '',
  rest: [],
} as const;

type Place = Pick<RequestInfo, 'resource' | 'subresource' | 'namespace' | 'name' | 'rest'>;

function locate(parts: readonly string[]): Place {
  if (parts[0] !== 'namespaces' || parts.length < 3 || namespaceSubresources.has(parts[2] ?? '')) {
    const [resource = '', name = '', subresource = '', ...rest] = parts;
    return { resource, name, subresource, rest, namespace: resource === 'namespaces' ? name : '' };
  }
  const [, namespace = '', resource = '', name = '', subresource = '', ...rest] = parts;
  return { resource, name, subresource, rest, namespace };
}

function verbOf(method: string, place: Place, query: URLSearchParams): Verb {
  const verb = resourceVerbs[method] ?? 'other';
  if (place.name !== '') {
    return verb;
  }
  if (verb === 'get') {
    return isTrue(query.get('watch')) ? 'watch' : 'list';
  }
  return verb === 'delete' ? 'deletecollection' : verb;
}

/** A boolean of a query, as Go's conversion reads it: present and neither `false` nor `0`. */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== 'false' && value !== '0';
}
