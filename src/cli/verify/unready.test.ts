import { describe, expect, test } from 'vitest';
import { parseLook } from '#drivers/reach/answers.ts';
import { podOf, vmOf } from '#verify/fixture.ts';
import { listNics, type Nic } from '#verify/nics.ts';
import { whyUnready } from './unready.ts';

const place = { network: '', addresses: ['10.128.0.9', 'fd01::9'], device: 'eth0', isDefault: true };
const [plain, behind] = ((): readonly Nic[] => {
  const { vmi, launcher } = vmOf('ns', 'x', 'n1', [{ ...place, card: { masquerade: {} } }]);
  const pods = [podOf('ns', 'p', 'n1', [place]), launcher];
  return listNics({ pods, vmis: [vmi], definitions: [], nodeStates: [] });
})();
const digits = (end: string): string => `fd01${'0'.repeat(28 - end.length)}${end}`;
const ready = [
  'card eth0',
  'inet eth0 10.128.0.9/23',
  `inet6 eth0 ${digits('0009')} 80`,
  'way eth0 4',
  'way eth0 6',
];
const why = (nic: Nic | undefined, family: 4 | 6, lines: readonly string[]): string | undefined =>
  nic === undefined
    ? expect.fail('no NIC')
    : whyUnready(nic, family, parseLook(lines.join('\n')).get('eth0'));

describe('a NIC that answers nobody', () => {
  test('with card, address and way out is no fault of its host', () => {
    expect([why(plain, 4, ready), why(plain, 6, ready)]).toEqual([undefined, undefined]);
    expect(why(behind, 6, ready.with(2, `inet6 eth0 ${digits('0002')} 80`))).toBeUndefined();
  });

  test.each([
    [6, ready.with(2, `inet6 eth0 ${digits('0009')} c0`), /^eth0 may not use fd01:.*:0009: it is tentative$/],
    [6, ready.with(2, `inet6 eth0 ${digits('0009')} c8`), /it is duplicate$/],
    [6, ready.with(2, `inet6 eth0 ${digits('0008')} 80`), /^eth0 lacks fd01::9 \(it has fd01:.*:0008\)$/],
    [6, ready.with(2, ''), /^eth0 lacks fd01::9 \(it has none\)$/],
    [6, ready.slice(0, 4), /^eth0 has no IPv6 default route: no router advertisement came$/],
    [4, ready.with(3, ''), /^eth0 has no IPv4 default route$/],
    [4, [], /^there is no eth0$/],
  ] as const)('in IPv%i with %j says so', (family, lines, text) => {
    expect(why(plain, family, lines)).toMatch(text);
  });

  test('behind masquerade lacks any address of the family', () => {
    expect(why(behind, 6, ready.with(2, ''))).toBe('eth0 lacks an IPv6 address (it has none)');
  });
});
