import { describe, expect, it } from 'vitest';
import { pod } from '../../core/pod.ts';
import type { KubeObject } from '../../meta.ts';
import { editCauses, peerCauses } from './ovn-peers.ts';

const rendered = (namespace: string, subnets: string, uid: string, more: object = {}) => ({
  metadata: {
    namespace,
    name: 'net',
    labels: { 'k8s.ovn.org/user-defined-network': '' },
    ownerReferences: [
      { apiVersion: 'k8s.ovn.org/v1', kind: 'ClusterUserDefinedNetwork', name: 'net', uid, controller: true },
    ],
  },
  spec: {
    config: JSON.stringify({
      name: 'cluster_udn_net',
      type: 'ovn-k8s-cni-overlay',
      topology: 'layer3',
      role: 'primary',
      netAttachDefName: `${namespace}/net`,
      subnets,
      ...more,
    }),
  },
});
const small = '10.20.0.0/24/25';
const large = `${small},10.21.0.0/24/25`;
const user: KubeObject = {
  metadata: { namespace: 'a', name: 'p', annotations: { 'k8s.ovn.org/pod-networks': '{"a/net":{}}' } },
};
const view = { list: (kind: object) => (kind === pod ? [user] : []) } as unknown as Parameters<
  typeof editCauses
>[2];

describe('a rendered definition that gets more ranges', () => {
  it('agrees with those that have them not yet, of its own network only', () => {
    expect(peerCauses(rendered('a', large, 'u'), [rendered('b', small, 'u')])).toEqual([]);
    expect(peerCauses(rendered('a', large, 'u'), [rendered('b', small, 'v')])).toHaveLength(1);
    expect(peerCauses(rendered('a', small, 'u'), [rendered('b', large, 'u')])).toHaveLength(1);
  });

  it.each([
    [large, {}, 0],
    ['10.21.0.0/24/25', {}, 1],
    [large, { mtu: 1300 }, 2],
    [large, { role: 'secondary' }, 2],
  ])('may do so while pods are on it, and nothing else: %s %j', (subnets, more, refused) => {
    expect(editCauses(rendered('a', subnets, 'u', more), rendered('a', small, 'u'), view)).toHaveLength(
      refused,
    );
  });
});
