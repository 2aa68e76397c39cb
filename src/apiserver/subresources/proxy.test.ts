import { describe, expect, test } from 'vitest';
import { proxyPaths, requestHeaders, responseHeaders, rewriteUrl } from './proxy-headers.ts';
import { htmlRewriter, rewriteTags } from './proxy-html.ts';
import { splitName } from './proxy-location.ts';

const prefix = '/api/v1/namespaces/n/pods/web/proxy';
const paths = { prefix, path: '/a', query: '' };

test.each([
  ['web', { scheme: '', name: 'web', port: '' }],
  ['web:80', { scheme: '', name: 'web', port: '80' }],
  ['https:web:8443', { scheme: 'https', name: 'web', port: '8443' }],
  ['http:web:', { scheme: 'http', name: 'web', port: '' }],
  [':web:80', { scheme: '', name: 'web', port: '80' }],
  ['ftp:web:80', undefined],
  ['a:b:c:d', undefined],
  [':80', undefined],
])('%s', (id, named) => {
  expect(splitName(id)).toEqual(named);
});

test.each([
  [prefix, '', ''],
  [`${prefix}?a=1`, '', '?a=1'],
  [`${prefix}/`, '/', ''],
  [`${prefix}/x%2Fy//z/?q=/`, '/x%2Fy//z/', '?q=/'],
])('%s', (url, path, query) => {
  expect(proxyPaths(url, 7)).toEqual({ prefix, path, query });
});

test('credentials and what is between neighbours stay here', () => {
  const given = {
    ':authority': 'api',
    host: 'api',
    authorization: 'Bearer x',
    'impersonate-user': 'u',
    connection: 'keep-alive, x-own',
    'x-own': '1',
    te: 'trailers',
    accept: 'a',
    'x-forwarded-for': '1.1.1.1',
  };
  expect(requestHeaders(given, { host: '10.0.0.1:80', paths, client: '2.2.2.2' })).toEqual({
    host: '10.0.0.1:80',
    accept: 'a',
    'x-forwarded-for': '1.1.1.1, 2.2.2.2',
    'x-forwarded-uri': `${prefix}/a`,
  });
  const answered = { connection: 'close', 'access-control-allow-origin': '*', location: '/b', 'x-a': 'b' };
  expect(responseHeaders(answered, paths, ['10.0.0.1:80'])).toEqual({ location: `${prefix}/b`, 'x-a': 'b' });
});

test.each([
  ['/there?x=1', `${prefix}/there?x=1`],
  ['http://10.0.0.1:80/there', `${prefix}/there`],
  ['//10.0.0.1:80/there', `${prefix}/there`],
  [`${prefix}/there`, `${prefix}/there`],
  ['there', 'there'],
  ['#top', '#top'],
  ['http://example.com/there', 'http://example.com/there'],
  ['mailto:a@b', 'mailto:a@b'],
])('%s', (url, expected) => {
  expect(rewriteUrl(url, prefix, ['10.0.0.1:80'])).toBe(expected);
});

describe('pages', () => {
  const page =
    '<A class="/x" HREF = "/a">é</a><img src=\'/b\' alt=/c><!-- <a href="/d"> --><p href="/e"><a href=/f>';
  const rewritten = `<A class="/x" HREF = "${prefix}/a">é</a><img src='${prefix}/b' alt=/c><!-- <a href="/d"> --><p href="/e"><a href=${prefix}/f>`;

  test('links get the prefix, nothing else does', () => {
    expect(rewriteTags(page, prefix, [])).toBe(rewritten);
  });

  test('wherever they are cut', async () => {
    const rewriter = htmlRewriter(prefix, []);
    const read = rewriter.toArray();
    for (const byte of Buffer.from(page)) {
      rewriter.write(Buffer.of(byte));
    }
    rewriter.end();
    // A comment that is cut is no comment any more: what is in it may be rewritten, too.
    expect(
      Buffer.concat((await read) as Buffer[])
        .toString()
        .replace(`<!-- <a href="${prefix}/d">`, '<!-- <a href="/d">'),
    ).toBe(rewritten);
  });
});
