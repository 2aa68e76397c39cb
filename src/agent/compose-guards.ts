/** Filters of what must not leave a sandbox although its networks would let it. Pure. */
import { formatIp, parseInterface } from '#api/ip-range.ts';
import { managementOffset } from '#api/k8s.ovn.org/node-subnets.ts';
import { readOpenPorts } from '#api/k8s.ovn.org/open-ports.ts';
import type { Attachment } from '#cni/attachment.ts';
import { otherNeighbours, rulesOf } from '#cni/guest-rules.ts';
import { primaryInterface, primaryNetworkInterface } from '#cni/ovn-overlay.ts';
import { parseYaml } from '#machinery/yaml.ts';
import type { Link } from '#node-state/link.ts';
import type { NftObject, NftTable } from '#node-state/nft.ts';
import type { Netns, Resource } from '#node-state/resource.ts';

/**
 * A table with a chain for each of the sandbox's ends that has something to stop; none when none has. The hook is the
 * last before the wire, so it sees bridged frames of guests and packet sockets of pods alike. A pod that opens ports on the
 * default network looks there for whoever comes in by them.
 */
export function composeGuards(
  netns: Netns,
  attachments: readonly Attachment[],
  resources: readonly Resource[],
  annotations?: Readonly<Record<string, string>>,
): readonly NftTable[] {
  const { ports = [] } = readOpenPorts(annotations, (yaml) => parseYaml(yaml, { maxAliasCount: 0 }));
  const isLocked =
    ports.length === 0 && attachments.some(({ podLink }) => podLink.name === primaryNetworkInterface);
  const guarded = attachments.flatMap((attachment) => {
    const { podLink } = attachment;
    const locked =
      isLocked && podLink.name === primaryInterface ? otherNeighbours(nodeBeside(attachment)) : [];
    const forbidden = [...(attachment.forbidden ?? []), ...locked];
    const link = resources.find((one) => one.kind === 'link' && peerOf(one) === peerOf(podLink));
    return forbidden.length === 0 || link?.kind !== 'link' ? [] : [{ name: link.name, forbidden }];
  });
  const objects = guarded.flatMap(({ name, forbidden }): readonly NftObject[] => [
    { chain: { name, type: 'filter', hook: 'egress', dev: name, prio: 0, policy: 'accept' } },
    ...rulesOf(name, forbidden),
  ]);
  return objects.length === 0
    ? []
    : [{ kind: 'nft-table', netns, family: 'netdev', name: 'patchbay-guard', objects }];
}

/** The node's end of a pair: what stays the same when a binding renames the pod's. */
function peerOf({ device }: Link): string | undefined {
  return device.type === 'veth' ? device.peer.name : undefined;
}

/** Who an end that is there for the node alone may look for: its gateways, and the node, which sends the health probes. */
function nodeBeside({ gateways, podResources }: Attachment): readonly string[] {
  const managers = podResources.flatMap((one) => {
    const range = one.kind === 'address' ? parseInterface(one.address)?.range : undefined;
    return range === undefined ? [] : [formatIp(range.family, range.base + BigInt(managementOffset))];
  });
  return [...gateways, ...managers];
}
