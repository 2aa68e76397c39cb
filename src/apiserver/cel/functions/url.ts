import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';

/** `kubernetes.URL`: as it was written, where a browser would tidy it up. */
class CelUrl {
  readonly scheme: string;
  /** With the port; empty for a path alone. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  constructor(scheme: string, host: string, path: string, query: string) {
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
}

const ABSOLUTE = /^([a-zA-Z][a-zA-Z0-9+.-]*):(?:\/\/([^/?]*))?(\/[^?]*)?(?:\?(.*))?$/s;
const HOST = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/;

/** Absolute URLs and absolute paths, as Go's `url.ParseRequestURI` takes them. */
function parse(text: string): CelUrl | undefined {
  if (text.startsWith('/')) {
    const [, path = '', query = ''] = /^([^?]*)(?:\?(.*))?$/s.exec(text) ?? [];
    return URL.canParse(text, 'http://path') ? new CelUrl('', '', path, query) : undefined;
  }
  const [, scheme = '', authority, path = '', query = ''] = ABSOLUTE.exec(text) ?? [];
  if (scheme === '' || (authority === undefined && path === '') || !URL.canParse(text)) {
    return undefined;
  }
  const host = (authority ?? '').replace(/^.*@/s, '');
  return HOST.test(host) ? new CelUrl(scheme.toLowerCase(), host, path, query) : undefined;
}

function must(text: string): CelUrl {
  const url = parse(text);
  if (url === undefined) {
    throw new CelError(
      `URL parse error during conversion from string: parse ${JSON.stringify(text)}: invalid URI for request`,
    );
  }
  return url;
}

/** Escapes what a path may not have; what is escaped already stays. */
function escapedPath({ path }: CelUrl): string {
  return path.replaceAll(/%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]+/gu, (part) =>
    encodeURIComponent(part),
  );
}

function queryOf({ query: text }: CelUrl): Map<string, string[]> {
  const query = new Map<string, string[]>();
  for (const [name, value] of new URLSearchParams(text)) {
    query.set(name, [...(query.get(name) ?? []), value]);
  }
  return query;
}

/** `url()`, `isURL()` and the methods of URLs. */
export function registerUrl(environment: Environment): void {
  const U = 'kubernetes.URL';
  const part = (at: 1 | 2) => (url: CelUrl) => HOST.exec(url.host)?.[at] ?? '';
  environment
    .registerType(U, { ctor: CelUrl, fields: {} })
    .registerFunction(`url(string): ${U}`, must)
    .registerFunction('isURL(string): bool', (text: string) => parse(text) !== undefined)
    .registerFunction(`${U}.getScheme(): string`, ({ scheme }: CelUrl) => scheme)
    .registerFunction(`${U}.getHost(): string`, ({ host }: CelUrl) => host)
    .registerFunction(`${U}.getHostname(): string`, (url: CelUrl) => part(1)(url).replace(/^\[(.*)\]$/, '$1'))
    .registerFunction(`${U}.getPort(): string`, part(2))
    .registerFunction(`${U}.getEscapedPath(): string`, escapedPath)
    .registerFunction(`${U}.getQuery(): map<string, list<string>>`, queryOf);
}
