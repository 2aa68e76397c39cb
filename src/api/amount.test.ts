import { expect, test } from 'vitest';
import { amountOf, amountText, milliOf, minus, most, plus, unitsOf } from './amount.ts';

test.each([
  ['1', '1'],
  ['0', '0'],
  ['1000m', '1'],
  ['0.5', '500m'],
  ['1500m', '1500m'],
  ['1.5Gi', '1536Mi'],
  ['1024', '1024'],
  ['1024Ki', '1Mi'],
  ['512', '512'],
  ['0.5Ki', '512'],
  ['1000000', '1M'],
  ['1e3', '1e3'],
  ['12e6', '12e6'],
  ['100n', '100n'],
  ['0.1n', '1n'],
  ['2E', '2E'],
  ['', '0'],
])('%s is written %s', (text, canonical) => {
  expect(amountText(amountOf(text))).toBe(canonical);
});

test('sums keep the form of what is there first', () => {
  expect(amountText(plus(amountOf('1Gi'), amountOf('1G')))).toBe('2073741824');
  expect(amountText(plus(amountOf('0'), amountOf('2Gi')))).toBe('2Gi');
  expect(amountText(plus(amountOf('500m'), amountOf('1.5')))).toBe('2');
  expect(amountText(minus(amountOf('3Gi'), amountOf('1Gi')))).toBe('2Gi');
  expect(amountText(most(amountOf('1'), amountOf('900m')))).toBe('1');
});

test('numbers are rounded up', () => {
  expect(['1500m', '1', '1u', '0'].map((text) => milliOf(amountOf(text)))).toEqual([1500, 1000, 1, 0]);
  expect(['1500m', '1Ki', '1u', '0'].map((text) => unitsOf(amountOf(text)))).toEqual([2, 1024, 1, 0]);
});
