import { describe, expect, it } from 'vitest';
import { PatchbayError } from './errors.ts';
import { formatBytes, formatMilli, milliValue, parseQuantity, wholeValue } from './quantity.ts';

describe('quantities', () => {
  it.each([
    ['0', 0],
    ['1', 1],
    [2, 2],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['100m', 0.1],
    ['1k', 1000],
    ['1M', 1e6],
    ['1e3', 1000],
    ['1E3', 1000],
    ['1E', 1e18],
    ['1Ki', 1024],
    ['1.5Gi', 1_610_612_736],
    ['-1', -1],
    ['+3', 3],
  ])('parses %s as %d', (text, value) => {
    expect(parseQuantity(text)).toBeCloseTo(value, 9);
  });

  it.each(['', ' ', 'Mi', '1 Gi', '1gi', '1K', '0x10', '1e', '--1', '1,5', '1GiB', 'NaN'])(
    'refuses %j',
    (text) => {
      expect(() => parseQuantity(text)).toThrow(PatchbayError);
      expect(() => parseQuantity(text)).toThrow('is not a quantity');
    },
  );

  it('rounds up, without mistakes of binary fractions', () => {
    expect([milliValue('0.1'), milliValue('100m'), milliValue('1u'), milliValue('0.0015')]).toEqual([
      100, 100, 1, 2,
    ]);
    expect([wholeValue('1.5Ki'), wholeValue('100m'), wholeValue('1.1G')]).toEqual([1536, 1, 1_100_000_000]);
  });

  it.each([
    [0, '0'],
    [1000, '1000'],
    [1024, '1Ki'],
    [192 * 2 ** 20, '192Mi'],
    [2 ** 40, '1Ti'],
    [2 ** 60, '1024Pi'],
  ])('writes %d bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
    expect(parseQuantity(text)).toBe(bytes);
  });

  it.each([
    [1500, '1500m'],
    [2000, '2'],
    [0, '0'],
  ])('writes %d thousandths as %s', (milli, text) => {
    expect(formatMilli(milli)).toBe(text);
  });
});
