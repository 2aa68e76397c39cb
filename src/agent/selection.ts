/** Which networks a pod asks for, and what it got: Multus' annotations. Pure. */
import { isProblem, readSelections, type Selection } from '#api/k8s.cni.cncf.io/selection.ts';
import { PatchbayError } from '#machinery/errors.ts';

export {
  type NetworkStatus,
  networkStatusAnnotation,
  parseNetworkStatus,
} from '#api/k8s.cni.cncf.io/network-status.ts';
export { networksAnnotation, type Selection } from '#api/k8s.cni.cncf.io/selection.ts';

/** Parses the annotation. Throws a PatchbayError that says which element is wrong. */
export function parseSelections(annotation: string | undefined, podNamespace: string): readonly Selection[] {
  const selections = readSelections(annotation, podNamespace);
  if (isProblem(selections)) {
    throw new PatchbayError(selections.reason, selections.message, { retryable: false });
  }
  return selections;
}
