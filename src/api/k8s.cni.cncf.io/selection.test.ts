import { describe, expect, it } from 'vitest';
import { isProblem, readSelections } from './selection.ts';

const read = (elements: unknown): unknown => {
  const text = typeof elements === 'string' ? elements : JSON.stringify(elements);
  const found = readSelections(text, 'demo');
  return isProblem(found) ? found.message : found;
};

describe('what a network selection asks for', () => {
  it('keeps addresses with their prefix, and the gateways of the default route', () => {
    const asked = { ips: ['192.168.7.7/24', 'fd00::7'], 'default-route': ['192.168.7.1', 'fd00::1'] };
    expect(read([{ name: 'a', ...asked }])).toMatchObject([
      { name: 'a', interfaceName: 'net1', ips: asked.ips, defaultRoute: asked['default-route'] },
    ]);
  });

  it.each([
    [[1], /element 0 is 1; write an object such as \{"name": "blue"\}/],
    [[null], /element 0 is null; write an object/],
    [[{ name: 'a', mac: 'zz' }], /element 0, mac: "zz" is no MAC address; write such as 02:00:00:00:00:01/],
    [
      [{ name: 'a', mac: '01:00:5e:00:00:01' }],
      /mac: "01:00:5e:00:00:01" is a multicast address.*write such as 02:/,
    ],
    [[{ name: 'a', mac: '00:00:00:00:00:00' }], /mac: "00:00:00:00:00:00" is no address of one card/],
    [[{ name: 'a', ips: '10.0.0.1' }], /ips: "10.0.0.1" is no list; write such as \["10.0.0.5\/24"\]/],
    [[{ name: 'a', ips: ['10.0.0.300/24'] }], /ips: "10.0.0.300\/24" is no address; write such as/],
    [[{ name: 'a', ips: ['10.0.0.1/33'] }], /ips: "10.0.0.1\/33" is no address/],
    [
      [{ name: 'a', 'default-route': ['10.0.0.1', '10.0.0.2'] }],
      /default-route: "10.0.0.2" is a second IPv4 gateway; one of each family/,
    ],
    [
      [{ name: 'a', 'default-route': ['10.50'] }],
      /default-route: "10.50" is no address; write such as \["10.0.0.1"\]/,
    ],
    [[{ name: 'a', 'default-route': '10.0.0.1' }], /default-route: "10.0.0.1" is no list/],
    [[{ name: 'a', namespace: 5 }], /namespace: 5 is no text/],
    [[{ name: 'a', interface: 5 }], /interface: 5 is no text/],
    [[{ name: 'a', 'ipam-claim-reference': {} }], /ipam-claim-reference: \{\} is no text/],
    ['a@eth0', /interface: "eth0" is the pod's own; choose another name, such as net1/],
    ['a@lo', /interface: "lo" is the pod's own/],
    ['a@ovn-udn1', /interface: "ovn-udn1" is the pod's own/],
    ['a@x,b@x', /element 1, interface: "x" is that of element 0 too; choose another name, such as net2/],
    ['a@net2,b', /element 1, interface: "net2" is that of element 0 too; choose another/],
    [
      [
        { name: 'a', 'default-route': ['10.0.0.1'] },
        { name: 'b', 'default-route': ['10.1.0.1'] },
      ],
      /element 1, default-route: "10.1.0.1" is a second IPv4 gateway; element 0 has one already/,
    ],
  ])('refuses %j', (elements, message) => {
    expect(read(elements)).toMatch(message);
  });
});
