/** Rules ConfigMap and Secret share. */
import { isDeepStrictEqual } from 'node:util';
import { forbidden, invalid } from '../cause.ts';
import type { Cause, KubeObject } from '../meta.ts';

/** Upstream's limit for ConfigMaps and Secrets, in bytes. */
const MAX_KEYED_BYTES = 1024 * 1024;

type Field = 'data' | 'binaryData';
type Keyed = KubeObject & {
  readonly immutable?: boolean | undefined;
  readonly data?: Readonly<Record<string, string>> | undefined;
  readonly binaryData?: Readonly<Record<string, string>> | undefined;
};

/**
 * Checks keys, base64 values, total size and immutability.
 * Rule: k8s.io/kubernetes/pkg/apis/core/validation ValidateConfigMap, ValidateSecret.
 */
export function validateKeyedValues(
  kind: 'ConfigMap' | 'Secret',
  fields: readonly Field[],
  object: Keyed,
  old: Keyed | undefined,
): readonly Cause[] {
  const causes: Cause[] = [];
  let bytes = 0;
  for (const field of fields) {
    const encoding = kind === 'Secret' || field === 'binaryData' ? 'base64' : 'utf8';
    for (const [key, value] of Object.entries(object[field] ?? {})) {
      causes.push(...keyCauses(`${field}[${key}]`, key));
      if (encoding === 'base64') causes.push(...base64Causes(`${field}[${key}]`, value));
      bytes += Buffer.byteLength(value, encoding);
    }
  }
  return [
    ...causes,
    ...twiceCauses(object, fields),
    ...sizeCauses(fields, bytes),
    ...immutableCauses(fields, object, old),
  ];
}

/** Whether text is standard base64 with padding. */
export function isBase64(text: string): boolean {
  const bare = text.replace(/[\r\n]/g, '');
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

function twiceCauses(object: Keyed, fields: readonly Field[]): readonly Cause[] {
  if (!fields.includes('binaryData')) return [];
  return Object.keys(object.binaryData ?? {})
    .filter((key) => object.data?.[key] !== undefined)
    .map((key) => invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
}

function sizeCauses(fields: readonly Field[], bytes: number): readonly Cause[] {
  if (bytes <= MAX_KEYED_BYTES) return [];
  const message = `may not be more than ${MAX_KEYED_BYTES} bytes, has ${bytes}; split it over several objects`;
  return [{ type: 'FieldValueTooLong', field: fields.length === 1 ? (fields[0] ?? '') : '', message }];
}

function keyCauses(field: string, key: string): readonly Cause[] {
  if (key.length > 253) return [invalid(field, key, 'must be no more than 253 characters')];
  if (key === '.') return [invalid(field, key, "must not be '.'")];
  if (key === '..') return [invalid(field, key, "must not be '..'")];
  if (key.startsWith('..')) return [invalid(field, key, "must not start with '..'")];
  if (/^[-._a-zA-Z0-9]+$/.test(key)) return [];
  const detail =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
    "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
  return [invalid(field, key, detail)];
}

/** The value is not shown: it may be a secret. */
function base64Causes(field: string, value: string): readonly Cause[] {
  if (isBase64(value)) return [];
  const message = `the ${value.length} characters are not base64; encode the bytes, or use stringData for text`;
  return [{ type: 'FieldValueInvalid', field, message: `Invalid value: ${message}` }];
}

function immutableCauses(fields: readonly Field[], object: Keyed, old: Keyed | undefined): readonly Cause[] {
  if (old?.immutable !== true) return [];
  const detail = 'field is immutable when `immutable` is set';
  const changed = fields.filter((field) => !isDeepStrictEqual(object[field] ?? {}, old[field] ?? {}));
  const named = object.immutable === true ? changed : ['immutable', ...changed];
  return named.map((field) => forbidden(field, detail));
}
