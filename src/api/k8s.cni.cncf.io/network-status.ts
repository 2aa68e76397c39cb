/** Multus' annotation that tells which networks a pod got. */
import { isObject } from './admission/config-fields.ts';

/** The annotation. */
export const networkStatusAnnotation = 'k8s.v1.cni.cncf.io/network-status';

/** One entry of the annotation. */
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

/** Reads an annotation that we (or Multus) wrote; nothing when there is none. */
export function parseNetworkStatus(annotation: string | undefined): readonly NetworkStatus[] {
  if (annotation === undefined) {
    return [];
  }
  const parsed: unknown = JSON.parse(annotation);
  return Array.isArray(parsed) ? (parsed.filter(isObject) as unknown as readonly NetworkStatus[]) : [];
}
