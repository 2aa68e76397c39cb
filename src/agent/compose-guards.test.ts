import { describe, expect, it } from 'vitest';
import type { Attachment } from '#cni/attachment.ts';
import { otherLinkLayers, routers } from '#cni/guest-rules.ts';
import type { Link } from '#node-state/link.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import { composeGuards } from './compose-guards.ts';

const link = (name: string, peer: string): Link => ({
  kind: 'link',
  netns: 'n',
  name,
  device: { type: 'veth', peer: { netns: NODE, name: peer } },
  up: true,
});
const attachment = (podLink: Link, forbidden?: Attachment['forbidden']): Attachment => ({
  podLink,
  podResources: [],
  nodeResources: [],
  gateways: [],
  ...(forbidden !== undefined && { forbidden }),
});

describe('the guard of a sandbox', () => {
  it('is on the link under the name that a binding gave it, and lists every rule', () => {
    const [a, b] = [link('pod1', 'pb1'), link('eth0', 'pb2')];
    const tables = composeGuards(
      'n',
      [attachment(a, [routers, ...otherLinkLayers('02:00:00:00:00:01')]), attachment(b)],
      [{ ...a, name: 'pod1-nic' }, b],
    );
    expect(tables).toMatchObject([{ family: 'netdev', name: 'patchbay-guard', netns: 'n' }]);
    const [chain, ...rules] = tables[0]?.objects ?? [];
    expect(chain).toMatchObject({ chain: { hook: 'egress', dev: 'pod1-nic' } });
    expect(rules).toHaveLength(5);
    expect(JSON.stringify(rules)).toContain(String(0x020000000001));
  });

  it('lets an end that is there for the node alone ask for its gateway and the node, and for nobody else', () => {
    const ends = [link('eth0', 'pb1'), link('ovn-udn1', 'pb2')];
    const podResources = ['10.128.0.9/23', 'fd01::9/64'].map(
      (address): Resource => ({ kind: 'address', netns: 'n', link: 'eth0', address }),
    );
    const attachments = ends.map((end) => ({ ...attachment(end), podResources, gateways: ['10.128.0.1'] }));
    const text = JSON.stringify(composeGuards('n', attachments, ends));
    expect(text).toContain('{"set":["10.128.0.1","10.128.0.2"]}');
    expect(text).toContain('{"set":["fd01::2","ff02::1:ff00:2"]}');
    expect(text).toContain('{"set":["0xfd010000000000000000000000000002"]}'); // as the target of the question, too
    expect(text).not.toContain('"chain":"ovn-udn1"');
  });

  it('lets an end that opens ports look for whoever comes in, and only then', () => {
    const ends = [link('eth0', 'pb1'), link('ovn-udn1', 'pb2')];
    const attachments = ends.map((end) => attachment(end));
    const guarded = (text: string): number =>
      composeGuards('n', attachments, ends, { 'k8s.ovn.org/open-default-ports': text }).length;
    expect(guarded('[{"protocol":"tcp","port":80}]')).toBe(0);
    expect([guarded('[]'), guarded('[{"protocol":"tcp"}]'), guarded('{')]).toEqual([1, 1, 1]);
  });

  it('is not there where nothing is to be stopped', () => {
    const end = link('eth0', 'pb2');
    expect(composeGuards('n', [attachment(end)], [end])).toEqual([]);
  });
});
