/** When an observed resource is what was asked for: what is not asked for may be anything. */
import type { Link } from './link.ts';
import { nftDigest } from './nft.ts';
import type { Resource } from './resource.ts';

/** True when nothing needs to be done to `observed` for `desired` to hold. Both have the same id. */
export function satisfies(desired: Resource, observed: Resource): boolean {
  if (desired.kind !== observed.kind) {
    return false;
  }
  if (desired.kind === 'nft-table' && observed.kind === 'nft-table') {
    return nftDigest(desired) === (observed.digest ?? nftDigest(observed));
  }
  if (desired.kind === 'link' && observed.kind === 'link') {
    return linkSatisfies(desired, observed);
  }
  if (desired.kind === 'ovs-port' || desired.kind === 'ovs-bridge' || desired.kind === 'ovs-mappings') {
    // Read back in one spelling, with nothing that was not asked for.
    return covers(desired, observed) && covers(observed, desired);
  }
  return covers(desired, observed);
}

function linkSatisfies(desired: Link, observed: Link): boolean {
  const isPortGone = desired.port !== undefined || observed.port === undefined;
  return isPortGone && covers(comparable(desired), comparable(observed));
}

/** The kernel tells whether a tap has several queues, not how many. */
function comparable(link: Link): Link {
  if (link.device.type !== 'tap') {
    return link;
  }
  return { ...link, device: { ...link.device, queues: link.device.queues > 1 ? 2 : 1 } };
}

/** True when every field that `desired` has equals that of `observed`; lists are compared whole. */
export function covers(desired: unknown, observed: unknown): boolean {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(observed) &&
      desired.length === observed.length &&
      desired.every((item, index) => covers(item, observed[index]) && covers(observed[index], item))
    );
  }
  if (typeof desired !== 'object' || desired === null) {
    return desired === observed;
  }
  if (typeof observed !== 'object' || observed === null) {
    return false;
  }
  const found = new Map<string, unknown>(Object.entries(observed));
  return Object.entries(desired).every(
    ([key, value]) => value === undefined || covers(value, found.get(key)),
  );
}
