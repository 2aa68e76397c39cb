/** Links of HTML pages that are passed on get the prefix of the proxy (apimachinery `util/proxy/transport.go`). */
import { Transform } from 'node:stream';
import { rewriteUrl } from './proxy-headers.ts';

/** Attributes with a URL in them. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  a: ['href'],
  applet: ['codebase'],
  area: ['href'],
  audio: ['src'],
  base: ['href'],
  blockquote: ['cite'],
  body: ['background'],
  button: ['formaction'],
  command: ['icon'],
  del: ['cite'],
  embed: ['src'],
  form: ['action'],
  frame: ['longdesc', 'src'],
  head: ['profile'],
  html: ['manifest'],
  iframe: ['longdesc', 'src'],
  img: ['longdesc', 'src', 'usemap'],
  input: ['src', 'usemap', 'formaction'],
  ins: ['cite'],
  link: ['href'],
  object: ['classid', 'codebase', 'data', 'usemap'],
  q: ['cite'],
  script: ['src'],
  source: ['src'],
  video: ['poster', 'src'],
};

/** Longest tag that is looked into, in bytes. */
const LONGEST = 64 * 1024;
const TAG = /^<([a-zA-Z][a-zA-Z0-9]*)/;
const ATTRIBUTE = /(\s)([a-zA-Z-]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s"'>]+)/g;

/** Rewrites a page as it comes by; bytes that are no part of a link stay as they are, in any encoding of ASCII's kin. */
export function htmlRewriter(prefix: string, hosts: readonly string[]): Transform {
  let kept = '';
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const { ready, rest } = splitTags(kept + chunk.toString('latin1'));
      kept = rest;
      done(null, Buffer.from(rewriteTags(ready, prefix, hosts), 'latin1'));
    },
    flush(done) {
      done(null, Buffer.from(rewriteTags(kept, prefix, hosts), 'latin1'));
    },
  });
}

/** What ends inside of a tag waits for its end. */
function splitTags(text: string): { readonly ready: string; readonly rest: string } {
  const open = text.lastIndexOf('<');
  const isWhole = open < 0 || text.includes('>', open) || text.length - open > LONGEST;
  return isWhole ? { ready: text, rest: '' } : { ready: text.slice(0, open), rest: text.slice(open) };
}

/** Comments stay as they are. */
export function rewriteTags(html: string, prefix: string, hosts: readonly string[]): string {
  return html.replaceAll(/<!--[\s\S]*?-->|<[a-zA-Z][^<>]*>/g, (tag) => {
    const attributes = ATTRIBUTES[(TAG.exec(tag)?.[1] ?? '').toLowerCase()];
    return attributes === undefined
      ? tag
      : tag.replaceAll(
          ATTRIBUTE,
          (whole: string, space: string, name: string, equals: string, value: string) =>
            attributes.includes(name.toLowerCase())
              ? `${space}${name}${equals}${rewriteValue(value, prefix, hosts)}`
              : whole,
        );
  });
}

function rewriteValue(value: string, prefix: string, hosts: readonly string[]): string {
  const [quote = ''] = /^["']/.exec(value) ?? [];
  return quote === ''
    ? rewriteUrl(value, prefix, hosts)
    : `${quote}${rewriteUrl(value.slice(1, -1), prefix, hosts)}${quote}`;
}
