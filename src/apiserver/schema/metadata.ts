import type { KindDefinition } from '#api/kind.ts';
import type { Cause, ObjectMeta, OwnerReference } from '#api/meta.ts';
import { cause } from './causes.ts';
import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  pathSegmentErrors,
  qualifiedNameErrors,
} from './names.ts';

/** Most bytes all annotations of an object may take, keys included. */
const TOTAL_ANNOTATION_SIZE = 256 * 1024;

const NAME_RULES = {
  'dns-subdomain': dnsSubdomainErrors,
  'dns-label': dnsLabelErrors,
  'dns-1035-label': dns1035LabelErrors,
  'path-segment': pathSegmentErrors,
} as const;

type NamedKind = Pick<KindDefinition, 'nameRule' | 'maxNameLength' | 'namespaced'>;

/** Rules of `metadata` when an object is created, worded as apimachinery's `ValidateObjectMeta`. */
export function validateMetaOnCreate(kind: NamedKind, meta: ObjectMeta, causes: Cause[]): void {
  const check = NAME_RULES[kind.nameRule ?? 'dns-subdomain'];
  if (meta.generateName !== undefined && meta.generateName !== '') {
    // A generated name ends differently, so a trailing dash is no error of the prefix.
    const probe = meta.generateName.replace(/-$/, 'a');
    for (const error of check(probe)) {
      causes.push(cause('FieldValueInvalid', 'metadata.generateName', error, meta.generateName));
    }
  }
  validateName(kind, meta, check, causes);
  if (!kind.namespaced && meta.namespace !== undefined && meta.namespace !== '') {
    causes.push(cause('FieldValueForbidden', 'metadata.namespace', 'not allowed on this type'));
  }
  if (kind.namespaced && meta.namespace !== undefined) {
    for (const error of dnsLabelErrors(meta.namespace)) {
      causes.push(cause('FieldValueInvalid', 'metadata.namespace', error, meta.namespace));
    }
  }
  validateMetaMaps(meta, 'metadata', causes);
}

function validateName(
  kind: NamedKind,
  meta: ObjectMeta,
  check: (name: string) => readonly string[],
  causes: Cause[],
): void {
  if (typeof meta.name !== 'string' || meta.name === '') {
    if (meta.generateName === undefined || meta.generateName === '') {
      causes.push(cause('FieldValueRequired', 'metadata.name', 'name or generateName is required'));
    }
    return;
  }
  for (const error of check(meta.name)) {
    causes.push(cause('FieldValueInvalid', 'metadata.name', error, meta.name));
  }
  if (kind.maxNameLength !== undefined && Buffer.byteLength(meta.name) > kind.maxNameLength) {
    const error = `must be no more than ${kind.maxNameLength} bytes`;
    causes.push(cause('FieldValueInvalid', 'metadata.name', error, meta.name));
  }
}

/** Rules of `metadata` when an object is changed. */
export function validateMetaOnUpdate(meta: ObjectMeta, old: ObjectMeta, causes: Cause[]): void {
  if (old.deletionTimestamp !== undefined) {
    const added = (meta.finalizers ?? []).filter((one) => !(old.finalizers ?? []).includes(one));
    if (added.length > 0) {
      const list = added.map((one) => JSON.stringify(one)).join(', ');
      const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${list}}`;
      causes.push(cause('FieldValueForbidden', 'metadata.finalizers', why));
    }
  }
  validateMetaMaps(meta, 'metadata', causes);
}

/** Rules of labels, annotations, owners and finalizers, of an object's own or an embedded `metadata` at `path`. */
export function validateMetaMaps(meta: ObjectMeta, path: string, causes: Cause[]): void {
  validateLabels(meta.labels, `${path}.labels`, causes);
  validateAnnotations(meta.annotations, `${path}.annotations`, causes);
  validateOwners(meta.ownerReferences, `${path}.ownerReferences`, causes);
  for (const finalizer of meta.finalizers ?? []) {
    for (const error of qualifiedNameErrors(finalizer)) {
      causes.push(cause('FieldValueInvalid', `${path}.finalizers`, error, finalizer));
    }
  }
}

/** Rules of label keys and values (also of selectors' `matchLabels`) at `path`. */
function validateLabels(
  labels: Readonly<Record<string, string>> | undefined,
  path: string,
  causes: Cause[],
): void {
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const error of qualifiedNameErrors(key)) {
      causes.push(cause('FieldValueInvalid', path, error, key));
    }
    for (const error of labelValueErrors(value)) {
      causes.push(cause('FieldValueInvalid', path, error, value));
    }
  }
}

function validateAnnotations(annotations: ObjectMeta['annotations'], path: string, causes: Cause[]): void {
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    for (const error of qualifiedNameErrors(key.toLowerCase())) {
      causes.push(cause('FieldValueInvalid', path, error, key));
    }
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > TOTAL_ANNOTATION_SIZE) {
    causes.push(cause('FieldValueTooLong', path, `may not be more than ${TOTAL_ANNOTATION_SIZE} bytes`));
  }
}

function validateOwners(owners: readonly OwnerReference[] | undefined, path: string, causes: Cause[]): void {
  let controller: OwnerReference | undefined;
  for (const owner of owners ?? []) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[field] === '') {
        const what = field === 'apiVersion' ? 'version must not be empty' : 'must not be empty';
        causes.push(cause('FieldValueInvalid', `${path}.${field}`, what, ''));
      }
    }
    if (owner.controller === true && controller !== undefined) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller.kind}/${controller.name} and ${owner.kind}/${owner.name}`;
      causes.push(cause('FieldValueInvalid', path, why, owners));
    }
    controller = owner.controller === true ? owner : controller;
  }
}
