import { describe, expect, it } from 'vitest';
import { requireRange } from './addresses.ts';
import { composeLockedPorts, lockedGroupKey } from './locked-ports.ts';

const node = {
  name: 'node-1.example',
  subnets: [requireRange('10.128.2.0/23', ''), requireRange('fd01:0:0:1::/64', '')],
};
const group = 'udn_isolation_node_1.example';
const answers = 'tcp.flags == 0x10/0x10 || tcp.flags == 0x4/0x4 || icmp4.type == 0 || icmp6.type == 129';
const port = { table: 'Logical_Switch_Port', key: 'ns_p' };

describe('ports that are there for health probes alone', () => {
  it('take what their own node opens, and its ARP; nothing else passes either way', () => {
    const rows = composeLockedPorts(node, [port]);
    expect(rows[0]).toMatchObject({ table: 'Port_Group', key: group, references: { ports: [port] } });
    const rules = rows
      .slice(1)
      .map(({ columns: { priority, direction, match, action } }) =>
        [priority, direction, match, action].join(' '),
      );
    expect(rules).toEqual([
      `1001 from-lport inport == @${group} drop`,
      `1001 to-lport outport == @${group} drop`,
      `1002 to-lport outport == @${group} && (ip4.src == 10.128.2.2 || ip6.src == fd01:0:0:1::2) allow`,
      `1002 from-lport inport == @${group} && (ip4.dst == 10.128.2.2 || ip6.dst == fd01:0:0:1::2) && (${answers}) allow`,
      `1002 from-lport inport == @${group} && arp && arp.tpa == 10.128.2.2 allow`,
      `1002 to-lport outport == @${group} && arp && arp.spa == 10.128.2.2 allow`,
    ]);
  });

  it('send no packet of their switch through conntrack', () => {
    const actions = composeLockedPorts(node, [port]).map(({ columns }) => columns['action']);
    expect(
      actions.filter((action) => action !== undefined && action !== 'allow' && action !== 'drop'),
    ).toEqual([]);
  });

  it('have rows that go with their group, named for a node each', () => {
    const rows = composeLockedPorts(node, []);
    expect(rows.slice(1).map(({ parent }) => parent?.key)).toEqual(Array(6).fill(group));
    expect(lockedGroupKey('node-1').key).not.toBe(lockedGroupKey('node.1').key);
    const names = composeLockedPorts({ ...node, name: 'n'.repeat(63) }, []).flatMap(
      ({ columns }) => columns['name'],
    );
    expect(names.slice(1).every((name) => String(name).length <= 63)).toBe(true);
  });
});
