import type { CustomResourceDefinition } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { Cause } from '#api/meta.ts';

export function validateDefinition(
  _definition: CustomResourceDefinition,
  _old: CustomResourceDefinition | undefined,
): readonly Cause[] {
  return [];
}
