/** Annotation of nodes: their subnets of the default pod network, and of others of topology layer3. Anybody may have written it. */

import { type IpRange, parseRange } from '../ip-range.ts';
import { isObject } from '../k8s.cni.cncf.io/admission/config-fields.ts';
import { readJson } from '../k8s.cni.cncf.io/admission/json-text.ts';

export const nodeSubnetsAnnotation = 'k8s.ovn.org/node-subnets';

/** Offset of the gateway in a node's subnet. */
export const gatewayOffset = 1;
/** Offset of the node's management port. */
export const managementOffset = 2;

/** The subnets of a network that can be read; one per family, the first of each counts. */
export function readNodeSubnets(annotation: string | undefined, network = 'default'): readonly IpRange[] {
  const reading = readJson(annotation ?? '');
  const map = reading.kind !== 'broken' && isObject(reading.value) ? reading.value : {};
  const entry = Object.hasOwn(map, network) ? map[network] : undefined;
  const texts: readonly unknown[] = Array.isArray(entry) ? entry : [entry]; // Older releases wrote a bare string.
  return texts.flatMap((text) => (typeof text === 'string' ? (parseRange(text) ?? []) : []));
}
