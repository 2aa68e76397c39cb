/** Which networks a pod asks for, and what it got: Multus' annotations. Pure. */
import { isProblem, readSelections, type Selection } from '#api/k8s.cni.cncf.io/selection.ts';
import { isRecord } from '#cni/config.ts';
import { PatchbayError } from '#machinery/errors.ts';

export { networksAnnotation, type Selection } from '#api/k8s.cni.cncf.io/selection.ts';
export const networkStatusAnnotation = 'k8s.v1.cni.cncf.io/network-status';

/** One entry of the network-status annotation. */
export interface NetworkStatus {
  readonly name: string;
  readonly interface: string;
  readonly ips?: readonly string[];
  readonly mac: string;
  readonly mtu?: number;
  readonly default?: boolean;
  readonly dns: Readonly<Record<string, unknown>>;
  readonly gateway?: readonly string[];
}

/** Parses the annotation. Throws a PatchbayError that says which element is wrong. */
export function parseSelections(annotation: string | undefined, podNamespace: string): readonly Selection[] {
  const selections = readSelections(annotation, podNamespace);
  if (isProblem(selections)) {
    throw new PatchbayError(selections.reason, selections.message, { retryable: false });
  }
  return selections;
}

/** Reads a network-status annotation that we (or Multus) wrote; nothing when there is none. */
export function parseNetworkStatus(annotation: string | undefined): readonly NetworkStatus[] {
  if (annotation === undefined) {
    return [];
  }
  const parsed: unknown = JSON.parse(annotation);
  return Array.isArray(parsed) ? (parsed.filter(isRecord) as unknown as readonly NetworkStatus[]) : [];
}
