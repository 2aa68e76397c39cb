import type { CustomResourceNames } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { Cause } from '#api/meta.ts';
import { cause } from '../schema/causes.ts';
import { dns1035LabelErrors } from '../schema/names.ts';

/** What is wrong with the names of a definition; `required` as in `spec`, where all four must be there. */
export function validateNames(names: CustomResourceNames, path: string, required: boolean): readonly Cause[] {
  const causes: Cause[] = [];
  const check = (field: string, name: string, mixed: boolean) => {
    if (name === '') {
      causes.push(...(required ? [cause('FieldValueRequired', `${path}.${field}`, '')] : []));
      return;
    }
    const errors = dns1035LabelErrors(mixed ? name.toLowerCase() : name);
    if (errors.length > 0) {
      const prefix = mixed ? 'may have mixed case, but should otherwise match: ' : '';
      causes.push(cause('FieldValueInvalid', `${path}.${field}`, `${prefix}${errors.join(',')}`, name));
    }
  };
  check('plural', names.plural, false);
  check('singular', names.singular ?? '', false);
  check('kind', names.kind, true);
  check('listKind', names.listKind ?? '', true);
  names.shortNames?.forEach((name, index) => {
    check(`shortNames[${index}]`, name, false);
  });
  if (names.kind !== '' && names.kind === names.listKind) {
    const why = 'kind and listKind may not be the same';
    causes.push(cause('FieldValueInvalid', `${path}.listKind`, why, names.listKind));
  }
  names.categories?.forEach((name, index) => {
    check(`categories[${index}]`, name, false);
  });
  return causes;
}
