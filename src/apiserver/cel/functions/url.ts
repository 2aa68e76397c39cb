import type { Environment } from '@marcbachmann/cel-js';
import { CelError } from '../library.ts';

/** `kubernetes.URL`. */
class CelUrl {
  readonly url: URL;
  /** The text had no scheme and host, only an absolute path. */
  readonly isPath: boolean;
  constructor(url: URL, isPath: boolean) {
    this.url = url;
    this.isPath = isPath;
  }
}

/** Absolute URLs and absolute paths, as Go's `url.ParseRequestURI` takes them. */
function parse(text: string): CelUrl | undefined {
  if (text.startsWith('/')) {
    return URL.canParse(text, 'http://path') ? new CelUrl(new URL(text, 'http://path'), true) : undefined;
  }
  return /^[a-z][a-z0-9+.-]*:/i.test(text) && URL.canParse(text)
    ? new CelUrl(new URL(text), false)
    : undefined;
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

function queryOf({ url }: CelUrl): Map<string, string[]> {
  const query = new Map<string, string[]>();
  for (const [name, value] of url.searchParams) {
    query.set(name, [...(query.get(name) ?? []), value]);
  }
  return query;
}

/** `url()`, `isURL()` and the methods of URLs. */
export function registerUrl(environment: Environment): void {
  const U = 'kubernetes.URL';
  const of = (read: (url: URL) => string) => (given: CelUrl) => (given.isPath ? '' : read(given.url));
  environment
    .registerType(U, { ctor: CelUrl, fields: {} })
    .registerFunction(`url(string): ${U}`, must)
    .registerFunction('isURL(string): bool', (text: string) => parse(text) !== undefined)
    .registerFunction(
      `${U}.getScheme(): string`,
      of((url) => url.protocol.slice(0, -1)),
    )
    .registerFunction(
      `${U}.getHost(): string`,
      of((url) => url.host),
    )
    .registerFunction(
      `${U}.getHostname(): string`,
      of((url) => url.hostname.replace(/^\[(.*)\]$/, '$1')),
    )
    .registerFunction(
      `${U}.getPort(): string`,
      of((url) => url.port),
    )
    .registerFunction(`${U}.getEscapedPath(): string`, ({ url }: CelUrl) => url.pathname)
    .registerFunction(`${U}.getQuery(): map<string, list<string>>`, queryOf);
}
