/** What is changed of requests and answers that are passed on (apimachinery `util/proxy`, Go's `httputil.ReverseProxy`). */
import type { IncomingHttpHeaders } from 'node:http';

export type Headers = Record<string, string | string[]>;

/** Between two neighbours only. */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Where a request came in, and where it goes. */
export interface ProxyPaths {
  /** What stands before the pod's paths: `/api/v1/namespaces/NS/pods/NAME/proxy`. */
  readonly prefix: string;
  /** The path that the pod is asked for, empty or with a slash in front. */
  readonly path: string;
  /** With its question mark. */
  readonly query: string;
}

/** Splits the URL of a request for `…/proxy/…`, whose last part before the pod's path has `before` slashes in front. */
export function proxyPaths(url: string, before: number): ProxyPaths {
  const mark = url.indexOf('?');
  const whole = mark < 0 ? url : url.slice(0, mark);
  const parts = whole.split('/');
  const path = parts.slice(before + 1);
  return {
    prefix: parts.slice(0, before + 1).join('/'),
    path: path.length === 0 ? '' : `/${path.join('/')}`,
    query: mark < 0 ? '' : url.slice(mark),
  };
}

/** The headers that a pod gets. Who asks is the API server's business: neither credentials nor impersonation go on. */
export function requestHeaders(
  given: IncomingHttpHeaders,
  { host, paths, client }: { readonly host: string; readonly paths: ProxyPaths; readonly client: string },
): Headers {
  const dropped = listed(given.connection);
  const headers: Headers = {};
  for (const [name, value] of Object.entries(given)) {
    const kept =
      !name.startsWith(':') &&
      !HOP.has(name) &&
      !dropped.has(name) &&
      name !== 'authorization' &&
      name !== 'http2-settings' &&
      !name.startsWith('impersonate-');
    if (kept && value !== undefined) {
      headers[name] = value;
    }
  }
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = [...(before === undefined ? [] : [before].flat()), client].join(', ');
  headers['x-forwarded-uri'] = `${paths.prefix}${paths.path}`;
  headers['host'] = host;
  return headers;
}

/** The headers of a pod's answer. Whether other sites may use it is the API server's to say, not the pod's. */
export function responseHeaders(
  given: IncomingHttpHeaders,
  paths: ProxyPaths,
  hosts: readonly string[],
): Headers {
  const dropped = listed(given.connection);
  const headers: Headers = {};
  for (const [name, value] of Object.entries(given)) {
    if (!HOP.has(name) && !dropped.has(name) && !name.startsWith('access-control-') && value !== undefined) {
      headers[name] = value;
    }
  }
  if (typeof headers['location'] === 'string') {
    headers['location'] = rewriteUrl(headers['location'], paths.prefix, hosts);
  }
  return headers;
}

function listed(connection: string | undefined): ReadonlySet<string> {
  return new Set((connection ?? '').toLowerCase().split(/\s*,\s*/));
}

/**
 * A URL in an answer as the client must ask for it: what is absolute on the pod's own host gets the prefix; other hosts,
 * relative paths and what has the prefix already stay as they are.
 */
export function rewriteUrl(url: string, prefix: string, hosts: readonly string[]): string {
  const [, authority, rest] = /^(?:[a-zA-Z][a-zA-Z0-9+.-]*:)?\/\/([^/?#]*)(.*)$/s.exec(url) ?? [];
  const local = authority === undefined ? url : (rest ?? '');
  if ((authority !== undefined && !hosts.includes(authority)) || !local.startsWith('/')) {
    return url;
  }
  const path = local.split(/[?#]/, 1)[0] ?? '';
  return path === prefix || path.startsWith(`${prefix}/`) ? local : `${prefix}${local}`;
}
