import { describe, expect, it } from 'vitest';
import type { Incoming } from './exchange.ts';
import { indentJson, wantsPretty } from './pretty.ts';

const values: readonly unknown[] = [
  {},
  [],
  { a: {}, b: [], c: [[], {}], d: null, e: -1.5e3, f: true },
  { 'a"\\': 'x "{[,:]}" \\', nested: { list: [1, 'two', { three: 3 }] } },
  'text',
  [1, 2],
];

describe('indentJson', () => {
  it.each(values.map((value) => [JSON.stringify(value), value]))(
    'writes %s as it is indented elsewhere, however it is cut',
    (text, value) => {
      for (let size = 1; size <= String(text).length; size += 1) {
        const parts = String(text).match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
        expect([...indentJson(parts)].join('')).toBe(JSON.stringify(value, null, 2));
      }
    },
  );
});

describe('wantsPretty', () => {
  const asked = (url: string, agent?: string) =>
    wantsPretty({ url, headers: { 'user-agent': agent } } as unknown as Incoming);
  it.each<[string, string | undefined, boolean]>([
    ['/api', 'curl/8.0', true],
    ['/api', 'Wget/1', true],
    ['/api', 'Mozilla/5.0 (X11)', true],
    ['/api', 'kubectl/v1.32', false],
    ['/api', undefined, false],
    ['/api?pretty=true', 'kubectl/v1.32', true],
    ['/api?pretty=false', 'curl/8.0', false],
    ['/api?pretty=', 'curl/8.0', true],
    ['/openapi/v2', 'curl/8.0', false],
  ])('of %s by %s: %s', (url, agent, wanted) => {
    expect(asked(url, agent)).toBe(wanted);
  });
});
