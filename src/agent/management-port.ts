/** The node's own way into the pod network, `ovn-k8s-mp0`: by it the node's processes reach pods, as upstream's kubelet does. */
import type { Node } from '#api/core/node.ts';
import { formatIp, type Ip, type IpRange, parseRange } from '#api/ip-range.ts';
import { clusterSubnets } from '#api/k8s.cni.cncf.io/admission/cluster-subnets.ts';
import { macOf } from '#api/k8s.ovn.org/mac.ts';
import {
  gatewayOffset,
  managementOffset,
  nodeSubnetsAnnotation,
  readNodeSubnets,
} from '#api/k8s.ovn.org/node-subnets.ts';
import type { NftTable } from '#node-state/nft.ts';
import { NODE, type Resource } from '#node-state/resource.ts';
import { diff } from './diff.ts';
import { throwFailures, type World } from './world.ts';

/** Name of the interface, as upstream's. */
const name = 'ovn-k8s-mp0';

/**
 * For the node's own processes only. The node forwards, and what a tenant's gateway or the machine network hands to it
 * must not come to pods this way, nor pods leave by it past their gateway.
 */
const forwardsNothing: NftTable = {
  kind: 'nft-table',
  netns: NODE,
  family: 'inet',
  name: `patchbay-${name}`,
  objects: [
    { chain: { name: 'forward', type: 'filter', hook: 'forward', prio: 0, policy: 'accept' } },
    ...['iifname', 'oifname'].map((key) => ({
      rule: {
        chain: 'forward',
        expr: [
          { match: { op: '==', left: { meta: { key } }, right: name } },
          { counter: null },
          { drop: null },
        ],
      },
    })),
  ],
};

/** What it is composed from. */
export interface ManagementInput {
  readonly node: string;
  /** The node's subnets of the pod network, one per family. */
  readonly subnets: readonly IpRange[];
  /** Bytes. */
  readonly mtu: number;
}

/** The port of the integration bridge; its MAC and addresses are those of the logical port `k8s-<node>`. */
export function composeManagementPort({ node, subnets, mtu }: ManagementInput): readonly Resource[] {
  if (subnets.length === 0) {
    return [];
  }
  const externalIds = { 'iface-id': `k8s-${node}` };
  const mac = macOf(subnets.map((subnet) => at(subnet, managementOffset)));
  return [
    { kind: 'ovs-port', name, bridge: 'br-int', interfaceType: 'internal', mtu, externalIds },
    forwardsNothing,
    { kind: 'link', netns: NODE, name, device: { type: 'nic' }, up: true, mac, mtu },
    ...subnets.flatMap(composeFamily),
  ];
}

/** Its address, and the way to the pods of every node. */
function composeFamily(subnet: IpRange): readonly Resource[] {
  const text = (offset: number): string => formatIp(subnet.family, at(subnet, offset).value);
  const pods = clusterSubnets.find(
    ({ what, cidr }) => what === 'pod network' && parseRange(cidr)?.family === subnet.family,
  );
  const address = `${text(managementOffset)}/${subnet.prefix}`;
  return [
    { kind: 'address', netns: NODE, link: name, address, ...(subnet.family === 6 && { noDad: true }) },
    ...(pods === undefined
      ? []
      : [
          {
            kind: 'route' as const,
            netns: NODE,
            link: name,
            destination: pods.cidr,
            via: text(gatewayOffset),
          },
        ]),
  ];
}

function at({ family, base }: IpRange, offset: number): Ip {
  return { family, value: base + BigInt(offset) };
}

/** Keeps it as the node's annotation says. */
export class ManagementPort {
  readonly #world: World;
  readonly #mtu: number;

  constructor(world: World, mtu: number) {
    this.#world = world;
    this.#mtu = mtu;
  }

  /** Makes what is missing; nothing when all is there. Throws a PatchbayError that tells what could not be done. */
  async reconcile(node: Node): Promise<void> {
    const subnets = readNodeSubnets(node.metadata.annotations?.[nodeSubnetsAnnotation]);
    const desired = composeManagementPort({ node: node.metadata.name, subnets, mtu: this.#mtu });
    const isFirst = ({ kind }: Resource): boolean => kind === 'ovs-port' || kind === 'nft-table';
    if (await this.#make(desired.filter(isFirst), isFirst)) {
      // Open vSwitch has made the interface only now.
      await this.#world.refresh(NODE);
    }
    await this.#make(
      desired.filter((one) => !isFirst(one)),
      (one) => !isFirst(one),
    );
  }

  /** True when something had to be done. */
  async #make(desired: readonly Resource[], isOf: (one: Resource) => boolean): Promise<boolean> {
    const observed = this.#world.observed(NODE).filter((one) => isOurs(one) && isOf(one));
    const due = desired.length === 0 ? [] : diff(desired, observed);
    throwFailures(due.length === 0 ? [] : await this.#world.apply(NODE, due));
    return due.length > 0;
  }
}

/** True for the port, its interface, and what is on it. */
function isOurs(resource: Resource): boolean {
  return (
    ((resource.kind === 'ovs-port' || resource.kind === 'link') && resource.name === name) ||
    (resource.kind === 'nft-table' && resource.netns === NODE && resource.name === forwardsNothing.name) ||
    ((resource.kind === 'address' || resource.kind === 'route') && resource.link === name)
  );
}
