import { describe, expect, test } from 'vitest';
import { parseYaml, parseYamlDocuments } from './yaml.ts';

describe('a key that occurs twice', () => {
  test.each([
    ['in a block', 'a: 1\nb: 2\na: 3\n', 'line 3, column 1'],
    ['in braces', '{a: 1, "a": 2}', 'line 1, column 8'],
    ['deep inside', 'l:\n- k: {x: 1}\n- k: {x: 1, x: 2}\n', 'line 3, column 13'],
    ['in a key', '? {a: 1, a: 2}\n: x\n', 'line 1, column 10'],
    ['as a number written in two ways', '16: a\n0x10: b\n', 'line 2, column 1'],
  ])('is refused %s', (_where, text, place) => {
    expect(() => parseYaml(text)).toThrow(new RegExp(`Map keys must be unique: .* at ${place}`));
    expect(parseYamlDocuments(`ok: 1\n---\n${text}`).map(({ errors }) => errors.length)).toEqual([0, 1]);
  });

  test('is none in two mappings, or beside a text that looks like it', () => {
    expect(parseYaml('a: {k: 1}\nb: {k: 2}\n1: x\n"1": y\n')).toEqual({ a: { k: 1 }, b: { k: 2 }, 1: 'y' });
  });
});

test('other faults, versions and aliases are the package’s', () => {
  expect(() => parseYaml('a: [1')).toThrow('Flow sequence');
  expect(parseYaml('a: yes', { version: '1.1' })).toEqual({ a: true });
  const bomb = `a: &a [1, 2]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n`;
  expect(() => parseYaml(bomb, { maxAliasCount: 5 })).toThrow('Excessive alias count');
});

test('eight times the keys take about eight times as long', () => {
  const textOf = (count: number) => Array.from({ length: count }, (_, index) => `k${index}: v\n`).join('');
  const best = (text: string) =>
    Math.min(
      ...Array.from({ length: 3 }, () => {
        const before = process.cpuUsage();
        parseYaml(text);
        const { user, system } = process.cpuUsage(before);
        return user + system;
      }),
    );
  const small = textOf(2000);
  const large = textOf(16_000);
  parseYaml(small);
  expect(best(large) / best(small)).toBeLessThan(24);
}, 60_000);
