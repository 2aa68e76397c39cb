/** Keeps pods and guests from talking to the node's kernel behind Open vSwitch's back. Pure. */
import { hostLinkPrefix } from '#node-state/mac.ts';
import type { NftObject, NftTable } from '#node-state/nft.ts';
import { NODE } from '#node-state/resource.ts';

/**
 * Tables for a node whose Open vSwitch runs in user space: it reads each frame by a packet socket, and the kernel then
 * takes the same frame for its own. Without these, whatever a pod sends to the MAC of its pair's other end reaches the
 * node's own services, and is routed on, past every check of OVN. One rule for all pairs, whenever they are made.
 */
export function composeNodeGuard(): readonly NftTable[] {
  const match = { match: { op: '==', left: { meta: { key: 'iifname' } }, right: `${hostLinkPrefix}*` } };
  const table = (family: 'inet' | 'arp', hook: string): NftTable => {
    const chain: NftObject = { name: hook, type: 'filter', hook, prio: -400, policy: 'accept' };
    const rule: NftObject = { chain: hook, expr: [match, { counter: null }, { drop: null }] };
    return { kind: 'nft-table', netns: NODE, family, name: 'patchbay-node', objects: [{ chain }, { rule }] };
  };
  return [table('inet', 'prerouting'), table('arp', 'input')];
}
