/** For tests of networks besides the default one: definitions, pods, and what they got. */
import type { Pod } from '#api/core/pod.ts';
import { formatIp } from '#api/ip-range.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { FlatPlace } from './flat-network.ts';

/** A definition of network `net-a` in namespace `ns`. */
export const definition = (
  name: string,
  config: object,
  created = '2026-01-01T00:00:00Z',
): NetworkAttachmentDefinition => ({
  metadata: { namespace: 'ns', name, creationTimestamp: created },
  spec: {
    config: JSON.stringify({
      name: 'net-a',
      type: 'ovn-k8s-cni-overlay',
      topology: 'layer2',
      netAttachDefName: `ns/${name}`,
      ...config,
    }),
  },
});
/** A pod in namespace `ns`; `networks` is its selection. */
export const pod = (name: string, networks: unknown, more: Partial<Pod['metadata']> = {}): Pod => {
  const { annotations, ...metadata } = more;
  return {
    metadata: {
      namespace: 'ns',
      name,
      uid: `uid-${name}`,
      ...metadata,
      annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify(networks), ...annotations },
    },
    spec: { containers: [{ name: 'c' }], hostname: name },
  };
};
/** A launcher of a machine. */
export const launcher = (name: string, vm: string, networks: unknown): Pod =>
  pod(name, networks, { labels: { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': vm } });
/** Addresses of a place, joined by a space. */
export const addressOf = (place: FlatPlace | undefined): string =>
  place?.addresses.map(({ family, value }) => formatIp(family, value)).join(' ') ?? 'none';
