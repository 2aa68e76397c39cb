import { describe, expect, it } from 'vitest';
import { composeGuard } from './guard.ts';

const switchKey = { table: 'Logical_Switch', key: 'net_ovn_layer2_switch' };
const matchesOf = (isAddressed: boolean, trusted: readonly string[]): readonly unknown[] =>
  composeGuard({ switchKey, isAddressed, trusted }).map(({ columns }) => [
    columns['action'],
    columns['match'],
  ]);

describe('what no pod may send into a switch', () => {
  it('is frames of bridges, and servers and routers where the network gives addresses', () => {
    const [[, match]] = matchesOf(true, []) as [[string, string]];
    for (const part of ['01:80:c2:00:00:00', 'udp.src == 67', 'udp.dst == 546', 'icmp6.type == 137']) {
      expect(match).toContain(part);
    }
    expect(matchesOf(false, [])).toEqual([['drop', 'eth.dst == 01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0']]);
  });

  it('does not hold for ports that are no pods', () => {
    expect(matchesOf(false, ['stor-n1', 'k8s-n1'])[0]).toEqual(['allow', 'inport == {"stor-n1", "k8s-n1"}']);
    const [trusted, guard] = composeGuard({ switchKey, isAddressed: true, trusted: ['a'] });
    expect(Number(trusted?.columns['priority'])).toBeGreaterThan(Number(guard?.columns['priority']));
    expect(guard?.parent).toEqual({ ...switchKey, column: 'acls' });
  });
});
