import { expect, test } from 'vitest';
import { judge } from './measure.ts';

const expected = { greeting: 'default/b 1234', guestAnswered: true };

test('a path on which everything passes says who answered and how large a packet was', () => {
  expect(judge('ping 0.612\ntcp default/b 1234\nmtu 1400 0 0 2\n', expected)).toEqual({
    ping: { passed: true, seen: '0.6 ms (guest)' },
    tcp: { passed: true, seen: 'ok (guest)' },
    mtu: { passed: true, seen: '1400 B whole' },
  });
  expect(judge('ping 0.612\n', { ...expected, guestAnswered: false }).ping.seen).toBe('0.6 ms (pod)');
});

test.each([
  ['ping \ntcp default/b 1234\nmtu 1400 0 0 2', 'ping', 'no answer'],
  ['ping 1\ntcp wget: download timed out\nmtu 1400 0 0 2', 'tcp', 'answered "wget: download timed out"'],
  ['ping 1\ntcp default/other 1234\nmtu 1400 0 0 2', 'tcp', 'answered "default/other 1234"'],
  ['ping 1\ntcp default/b 1234\nmtu 1400 1 0 0', 'mtu', '1400 B: no answer'],
  ['ping 1\ntcp default/b 1234\nmtu 1400 0 2 2', 'mtu', '1400 B: sent in pieces'],
  ['ping 1\ntcp default/b 1234\nmtu 1400 0 0 0', 'mtu', '1400 B is not the limit: 1401 B went out whole too'],
  ['', 'mtu', 'not measured'],
] as const)('%j fails at %s', (stdout, check, seen) => {
  expect(judge(stdout, expected)[check]).toEqual({ passed: false, seen });
});
