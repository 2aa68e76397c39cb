import { describe, expect, it } from 'vitest';
import {
  containsRange,
  formatIp,
  formatRange,
  overlap,
  parseInterface,
  parseIp,
  parseRange,
} from './ip-range.ts';

describe('addresses and networks', () => {
  it.each([
    ['10.1.1.3', '10.1.1.3'],
    ['fd00::3', 'fd00::3'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:2:3:4:5:6:0:0', '1:2:3:4:5:6::'],
    ['10:0:0:100::', '10:0:0:100::'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ])('%s is written %s', (text, wanted) => {
    const ip = parseIp(text);
    expect(ip && formatIp(ip.family, ip.value)).toBe(wanted);
  });

  it.each(['10.1.1', '10.1.1.256', 'fe80::1%eth0', '', 'x'])('%s is no address', (text) => {
    expect(parseIp(text)).toBeUndefined();
  });

  it.each(['10.1.1.3/24', '10.1.1.0/33', '10.1.1.0', 'fd00::/129', '10.1.1.0/24/24'])(
    '%s is no network',
    (text) => {
      expect(parseRange(text)).toBeUndefined();
    },
  );

  it('knows what lies in what', () => {
    const [wide, narrow, other] = ['10.0.0.0/8', '10.1.0.0/16', '11.0.0.0/8'].map(parseRange);
    if (wide === undefined || narrow === undefined || other === undefined) throw new Error('unreadable');
    expect([
      containsRange(wide, narrow),
      containsRange(narrow, wide),
      overlap(narrow, wide),
      overlap(wide, other),
    ]).toEqual([true, false, true, false]);
    const parsed = parseInterface('fd00:1::5/64');
    expect(parsed && formatRange(parsed.range)).toBe('fd00:1::/64');
  });
});
