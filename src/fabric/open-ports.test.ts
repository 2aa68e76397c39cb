import { describe, expect, it } from 'vitest';
import { openPortsAnnotation, readOpenPorts } from '#api/k8s.ovn.org/open-ports.ts';
import { parseYaml } from '#machinery/yaml.ts';
import { requireRange } from './addresses.ts';
import { composeOpenPorts, openPortKeys } from './open-ports.ts';

const read = (text: string): ReturnType<typeof readOpenPorts> =>
  readOpenPorts({ [openPortsAnnotation]: text }, (yaml) => parseYaml(yaml, { maxAliasCount: 0 }));

describe('annotation k8s.ovn.org/open-default-ports', () => {
  it('is a list in YAML or JSON', () => {
    const ports = [{ protocol: 'tcp', port: 8080 }, { protocol: 'icmp' }];
    expect(read('- protocol: tcp\n  port: 8080\n- protocol: icmp\n')).toEqual({ ports });
    expect(read(JSON.stringify(ports))).toEqual({ ports });
    expect([read(''), read('[]'), readOpenPorts(undefined, parseYaml)]).toEqual([
      { ports: [] },
      { ports: [] },
      { ports: [] },
    ]);
  });

  it.each([
    ['- protocol: tcp', /\[0\]: port is required for tcp protocol/],
    ['- port: 80', /\[0\]: invalid protocol that is missing, allowed are tcp, udp, sctp, icmp/],
    ['- protocol: foo', /invalid protocol "foo"/],
    ['- {protocol: icmp, port: 80}', /invalid port 80 for icmp protocol, should be empty/],
    ['- {protocol: tcp, port: 100000}', /invalid port 100000, allowed are whole numbers from 0 to 65535/],
    ['- {protocol: tcp, port: "80 || 1"}', /invalid port "80 \|\| 1"/],
    ['[{"protocol":"udp","port":53},{"protocol":"tcp","port":-1}]', /\[1\]: invalid port -1/],
    ['tcp: 80', /\{"tcp":80\} is no list; write a list such as/],
    ['- [', /is no YAML \(.*\); write a list such as/],
    ['- 5', /\[0\]: 5 is no entry/],
    [JSON.stringify(Array(257).fill({ protocol: 'icmp' })), /257 entries, allowed are 256/],
    [`# ${'x'.repeat(70_000)}`, /70002 characters/],
    ['a: &a [1]\nb: *a', /is no YAML/],
  ])('%s is refused as a whole', (text, problem) => {
    expect(read(text).problem).toMatch(problem);
    expect(read(text).problem).toMatch(/^annotation k8s.ovn.org\/open-default-ports: .*; nothing is opened$/);
  });
});

describe('ports that a pod opens', () => {
  const node = { name: 'n-1', subnets: [requireRange('10.128.2.0/23', '')] };
  const pod = { namespace: 'ns', name: 'p', uid: 'u', node, addresses: [], mac: '0a:58:00:00:00:01' };

  it('are let in at its own port with ARP; it opens nothing itself', () => {
    const rows = composeOpenPorts(pod, [
      { protocol: 'tcp', port: 80 },
      { protocol: 'sctp', port: 9 },
      { protocol: 'icmp' },
    ]);
    expect(rows.map(({ key, parent, columns }) => [key, parent?.key, columns])).toEqual([
      [
        'ns_p-open-ingress',
        'udn_isolation_n_1',
        {
          priority: 1002,
          direction: 'to-lport',
          match: 'outport == "ns_p" && (arp || nd || tcp.dst == 80 || sctp.dst == 9 || icmp)',
          action: 'allow-related',
          name: ['ns_p-open-ingress'],
        },
      ],
      [
        'ns_p-open-egress',
        'udn_isolation_n_1',
        {
          priority: 1002,
          direction: 'from-lport',
          match: 'inport == "ns_p" && (arp || nd)',
          action: 'allow',
          name: ['ns_p-open-egress'],
        },
      ],
    ]);
    expect(openPortKeys(pod)).toEqual(rows.map(({ table, key }) => ({ table, key })));
    expect(composeOpenPorts(pod, [])).toEqual([]);
  });
});
