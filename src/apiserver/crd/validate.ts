/** Validation of CustomResourceDefinitions (apiextensions `pkg/apis/apiextensions/validation/validation.go`), in upstream's words. */
import type {
  CustomResourceDefinition,
  CustomResourceVersion,
} from '#api/apiextensions.k8s.io/custom-resource-definition.ts';
import type { Cause } from '#api/meta.ts';
import { deepEqual } from '../patch/equal.ts';
import { cause, notSupported } from '../schema/causes.ts';
import { dns1035LabelErrors, dnsSubdomainErrors } from '../schema/names.ts';
import { ruleCauses } from './compile-rules.ts';
import { defaultCauses } from './default-rules.ts';
import type { JsonSchema } from './json-schema.ts';
import { RuleCosts } from './rule-costs.ts';
import type { RuleScope } from './rule-texts.ts';
import { schemaCauses } from './schema-rules.ts';
import { structuralCauses } from './structural.ts';
import { validateNames } from './validate-names.ts';
import { columnCauses, selectableCauses, subresourceCauses } from './validate-version.ts';

/** Everything wrong with a definition; what was stored before and has not changed is not looked at again. */
export function validateDefinition(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): readonly Cause[] {
  const { metadata, spec } = definition;
  const causes: Cause[] = [];
  if (old === undefined && metadata.name !== `${spec.names.plural}.${spec.group}`) {
    const why = 'must be spec.names.plural+"."+spec.group';
    causes.push(cause('FieldValueInvalid', 'metadata.name', why, metadata.name));
  }
  if (old === undefined || !deepEqual(old.spec, spec)) {
    causes.push(...specCauses(definition, old));
  }
  if (old !== undefined) {
    causes.push(...immutableCauses(definition, old));
  }
  causes.push(...storedVersionCauses(definition), ...approvalCauses(definition, old));
  return causes;
}

function specCauses(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): readonly Cause[] {
  const causes: Cause[] = [...groupCauses(spec.group)];
  const scopes = ['Cluster', 'Namespaced'];
  if (spec.scope === '') {
    causes.push(cause('FieldValueRequired', 'spec.scope', ''));
  } else if (!scopes.includes(spec.scope)) {
    causes.push(notSupported('spec.scope', spec.scope, scopes));
  }
  spec.versions.forEach((version, index) => {
    const before = old?.spec.versions.find(({ name }) => name === version.name);
    const stored = before !== undefined && deepEqual(before.schema, version.schema);
    causes.push(...versionCauses(version, `spec.versions[${index}]`, stored));
  });
  const names = spec.versions.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    const why = 'must contain unique version names';
    causes.push(cause('FieldValueInvalid', 'spec.versions', why, spec.versions));
  }
  if (spec.versions.filter(({ storage }) => storage).length !== 1) {
    const why = 'must have exactly one version marked as storage version';
    causes.push(cause('FieldValueInvalid', 'spec.versions', why, spec.versions));
  }
  causes.push(...validateNames(spec.names, 'spec.names', true));
  if (spec.preserveUnknownFields === true) {
    const why =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    causes.push(cause('FieldValueInvalid', 'spec.preserveUnknownFields', why, true));
  }
  causes.push(...conversionCauses(spec.conversion));
  return causes;
}

function groupCauses(group: string): readonly Cause[] {
  if (group === '') {
    return [cause('FieldValueRequired', 'spec.group', '')];
  }
  const errors = dnsSubdomainErrors(group);
  if (errors.length > 0) {
    return [cause('FieldValueInvalid', 'spec.group', errors.join(','), group)];
  }
  return group.includes('.')
    ? []
    : [cause('FieldValueInvalid', 'spec.group', 'should be a domain with at least one dot', group)];
}

/** Conversion by webhook is not served: refused rather than accepted and ignored. */
function conversionCauses(conversion: CustomResourceDefinition['spec']['conversion']): readonly Cause[] {
  const { strategy = 'None', webhook } = conversion ?? {};
  if (strategy !== 'None') {
    return [notSupported('spec.conversion.strategy', strategy, ['None'])];
  }
  const why = 'should not be set when strategy is not set to Webhook';
  return webhook === undefined ? [] : [cause('FieldValueForbidden', 'spec.conversion.webhook', why)];
}

function versionCauses(version: CustomResourceVersion, path: string, stored: boolean): readonly Cause[] {
  const causes: Cause[] = [];
  const errors = dns1035LabelErrors(version.name);
  if (errors.length > 0) {
    causes.push(cause('FieldValueInvalid', `${path}.name`, errors.join(','), version.name));
  }
  const { deprecationWarning } = version;
  if (deprecationWarning !== undefined) {
    const why =
      version.deprecated !== true
        ? 'can only be set for deprecated versions'
        : deprecationWarning === ''
          ? 'must not be an empty string'
          : deprecationWarning.length > 256
            ? 'must be <= 256 characters long'
            : undefined;
    causes.push(
      ...(why === undefined
        ? []
        : [cause('FieldValueInvalid', `${path}.deprecationWarning`, why, deprecationWarning)]),
    );
  }
  const schema = version.schema?.openAPIV3Schema as JsonSchema | undefined;
  if (schema === undefined) {
    causes.push(cause('FieldValueRequired', `${path}.schema.openAPIV3Schema`, ''));
  } else {
    causes.push(...openApiCauses(schema, version, `${path}.schema.openAPIV3Schema`, stored));
  }
  causes.push(...subresourceCauses(version, `${path}.subresources`), ...columnCauses(version, path));
  causes.push(...selectableCauses(version, schema, `${path}.selectableFields`));
  return causes;
}

/** Words that a root schema may have beside a status subresource, as upstream lists and misspells none of them. */
const ROOT_WORDS =
  'Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations';
const EXTENSIONS: Readonly<Record<string, string>> = {
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};

function openApiCauses(
  schema: JsonSchema,
  version: CustomResourceVersion,
  path: string,
  stored: boolean,
): readonly Cause[] {
  const causes: Cause[] = [];
  if (version.subresources?.status !== undefined) {
    causes.push(...rootCauses(schema, path));
  }
  if (schema.nullable === true) {
    causes.push(cause('FieldValueForbidden', `${path}.nullable`, 'nullable cannot be true at the root'));
  }
  const structural = structuralCauses(schema, path);
  const defaults = structural.length > 0 ? [] : defaultCauses(schema, path);
  causes.push(...structural, ...defaults);
  const scopes: RuleScope[] = [];
  const place = {
    root: true,
    insideMeta: false,
    noDefaults: undefined,
    uncorrelatable: undefined,
    nested: false,
    cardinality: 1,
  };
  const own = schemaCauses(schema, path, place, scopes);
  const known = new Set(causes.map(({ field, message }) => `${field} ${message}`));
  causes.push(...own.filter(({ field, message }) => !known.has(`${field} ${message}`)));
  if (causes.length > 0) {
    return causes;
  }
  const costs = new RuleCosts(stored);
  const broken = scopes.flatMap((scope) => ruleCauses(scope, costs));
  return [...broken, ...costs.total(path)];
}

function rootCauses(schema: JsonSchema, path: string): readonly Cause[] {
  if (schema.type !== 'object') {
    const why =
      'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
    return [cause('FieldValueInvalid', `${path}.type`, why, schema.type ?? '')];
  }
  const allowed = new Set(ROOT_WORDS.split(' '));
  const wrong = Object.keys(schema).find(
    (word) => !allowed.has(EXTENSIONS[word] ?? `${word.charAt(0).toUpperCase()}${word.slice(1)}`),
  );
  const why = `only [${ROOT_WORDS}] fields are allowed at the root of the schema if the status subresource is enabled`;
  return wrong === undefined ? [] : [cause('FieldValueInvalid', path, why, schema)];
}

function immutableCauses(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
): readonly Cause[] {
  const { spec } = definition;
  const established = old.status?.conditions?.some(
    ({ type, status }) => type === 'Established' && status === 'True',
  );
  const fields: (readonly [string, string, string])[] = [
    ['spec.group', spec.group, old.spec.group],
    ['spec.names.plural', spec.names.plural, old.spec.names.plural],
    ...(established === true
      ? ([
          ['spec.scope', spec.scope, old.spec.scope],
          ['spec.names.kind', spec.names.kind, old.spec.names.kind],
        ] as const)
      : []),
  ];
  return fields
    .filter(([, now, before]) => now !== before)
    .map(([field, now]) => cause('FieldValueInvalid', field, 'field is immutable', now));
}

function storedVersionCauses({ spec, status }: CustomResourceDefinition): readonly Cause[] {
  const stored = status?.storedVersions ?? [];
  const at = 'status.storedVersions';
  if (stored.length === 0) {
    return spec.versions.some(({ storage }) => storage)
      ? []
      : [cause('FieldValueInvalid', at, 'must have at least one stored version', stored)];
  }
  const names = new Set(spec.versions.map(({ name }) => name));
  return stored.flatMap((name, index) => {
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    return names.has(name) ? [] : [cause('FieldValueInvalid', `${at}[${index}]`, why, name)];
  });
}

const APPROVED = 'api-approved.kubernetes.io';

/** Groups below `k8s.io` and `kubernetes.io` are not everybody's. */
function approvalCauses(
  { metadata, spec }: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): readonly Cause[] {
  const value = metadata.annotations?.[APPROVED] ?? '';
  const protectedGroup = /(^|\.)(k8s|kubernetes)\.io$/.test(spec.group);
  if (!protectedGroup || (old !== undefined && (old.metadata.annotations?.[APPROVED] ?? '') === value)) {
    return [];
  }
  const at = `metadata.annotations[${APPROVED}]`;
  const more = 'see https://github.com/kubernetes/enhancements/pull/1111';
  const needed = `protected groups must have approval annotation "${APPROVED}"`;
  if (value === '') {
    return [cause('FieldValueRequired', at, `${needed}, ${more}`)];
  }
  const approved = value.startsWith('unapproved') || /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(value);
  const either = 'with either a URL or a reason starting with "unapproved"';
  return approved ? [] : [cause('FieldValueInvalid', at, `${needed} ${either}, ${more}`, value)];
}
