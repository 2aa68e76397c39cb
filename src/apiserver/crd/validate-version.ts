/** Subresources, columns and selectable fields of one version. */
import type { CustomResourceVersion } from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { Cause } from '#api/meta.ts';
import { cause } from '../schema/causes.ts';
import type { JsonSchema } from './json-schema.ts';
import { nodeAt } from './rule-texts.ts';

/** Most fields that one version may let field selectors name. */
const MAX_SELECTABLE = 8;
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

/** What is wrong with the paths of the scale subresource. */
export function subresourceCauses({ subresources }: CustomResourceVersion, path: string): readonly Cause[] {
  const scale = subresources?.scale;
  if (scale === undefined) {
    return [];
  }
  const { specReplicasPath, statusReplicasPath, labelSelectorPath = '' } = scale;
  return [
    ...pathCauses(`${path}.scale.specReplicasPath`, specReplicasPath, ['.spec.'], 'under .spec'),
    ...pathCauses(`${path}.scale.statusReplicasPath`, statusReplicasPath, ['.status.'], 'under .status'),
    ...(labelSelectorPath === ''
      ? []
      : pathCauses(
          `${path}.scale.labelSelectorPath`,
          labelSelectorPath,
          ['.spec.', '.status.'],
          'under either .spec or .status',
        )),
  ];
}

function pathCauses(
  field: string,
  path: string,
  beginnings: readonly string[],
  where: string,
): readonly Cause[] {
  if (path === '') {
    return [cause('FieldValueRequired', field, '')];
  }
  if (!path.startsWith('.')) {
    return [cause('FieldValueInvalid', field, 'must be a simple json path starting with .', path)];
  }
  return beginnings.some((beginning) => path.startsWith(beginning))
    ? []
    : [cause('FieldValueInvalid', field, `should be a json path ${where}`, path)];
}

/** What is wrong with the printer columns. */
export function columnCauses(version: CustomResourceVersion, path: string): readonly Cause[] {
  return (version.additionalPrinterColumns ?? []).flatMap((column, index) => {
    const at = `${path}.additionalPrinterColumns[${index}]`;
    const { format = '' } = column;
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    return [
      ...(column.name === '' ? [cause('FieldValueRequired', `${at}.name`, '')] : []),
      ...(column.type === '' ? [cause('FieldValueRequired', `${at}.type`, types)] : []),
      ...(column.type === '' || COLUMN_TYPES.includes(column.type)
        ? []
        : [cause('FieldValueInvalid', `${at}.type`, types, column.type)]),
      ...(format === '' || COLUMN_FORMATS.includes(format)
        ? []
        : [cause('FieldValueInvalid', `${at}.format`, `must be one of ${COLUMN_FORMATS.join(',')}`, format)]),
      ...(column.jsonPath === ''
        ? [cause('FieldValueRequired', `${at}.JSONPath`, '')]
        : pathCauses(`${at}.JSONPath`, column.jsonPath, ['.'], '')),
    ];
  });
}

/** What is wrong with the fields that selectors may name. */
export function selectableCauses(
  { selectableFields = [] }: CustomResourceVersion,
  schema: JsonSchema | undefined,
  path: string,
): readonly Cause[] {
  if (selectableFields.length > 0 && schema === undefined) {
    // Upstream's words, which say the opposite of what is meant.
    const why = 'may only be set when `version.schema.openAPIV3Schema` is not included';
    return [cause('FieldValueInvalid', path, why, '')];
  }
  const causes: Cause[] = [];
  const seen = new Set<string>();
  selectableFields.forEach(({ jsonPath }, index) => {
    const at = `${path}[${index}].jsonPath`;
    const refuse = (why: string) => causes.push(cause('FieldValueInvalid', at, why, jsonPath));
    const node = jsonPath === '' || schema === undefined ? undefined : nodeAt(schema, jsonPath);
    if (jsonPath === '') {
      causes.push(cause('FieldValueRequired', at, ''));
      return;
    }
    if (/^\.metadata\b/.test(jsonPath)) {
      refuse('must not point to fields in metadata');
    } else if (node === undefined) {
      refuse(`is an invalid path: does not refer to a valid field`);
    } else if (!['string', 'boolean', 'integer'].includes(node.type ?? '')) {
      refuse(
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      );
    }
    if (seen.has(jsonPath)) {
      causes.push(cause('FieldValueDuplicate', at, '', jsonPath));
    }
    seen.add(jsonPath);
  });
  if (seen.size > MAX_SELECTABLE) {
    causes.push(cause('FieldValueTooMany', path, `must have at most ${MAX_SELECTABLE} items`, seen.size));
  }
  return causes;
}
