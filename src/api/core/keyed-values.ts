/** Rules ConfigMap and Secret share. */
import { isDeepStrictEqual } from 'node:util';
import type { Cause, KubeObject } from '../meta.ts';

/** Upstream's limit for ConfigMaps and Secrets, in bytes. */
export const MAX_KEYED_BYTES = 1024 * 1024;

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
  fields: readonly ('data' | 'binaryData')[],
  object: Keyed,
  old: Keyed | undefined,
): readonly Cause[] {
  const causes: Cause[] = [];
  let bytes = 0;
  for (const field of fields) {
    for (const [key, value] of Object.entries(object[field] ?? {})) {
      const encoded = kind === 'Secret' || field === 'binaryData';
      causes.push(...keyCauses(`${field}[${key}]`, key));
      if (encoded && !isBase64(value)) causes.push(base64Cause(`${field}[${key}]`, value));
      bytes += encoded ? Buffer.byteLength(value, 'base64') : Buffer.byteLength(value);
    }
  }
  for (const key of Object.keys(object.binaryData ?? {})) {
    if (kind === 'ConfigMap' && object.data?.[key] !== undefined) {
      causes.push({
        type: 'FieldValueInvalid',
        field: `data[${key}]`,
        value: key,
        message: `Invalid value: ${JSON.stringify(key)}: duplicate of key present in binaryData; keep it in one of the two`,
      });
    }
  }
  if (bytes > MAX_KEYED_BYTES) {
    causes.push({
      type: 'FieldValueTooLong',
      field: fields.length === 1 ? (fields[0] ?? '') : '',
      message: `Too long: ${bytes} bytes, may not be more than ${MAX_KEYED_BYTES} bytes; split it over several objects`,
    });
  }
  return [...causes, ...immutableCauses(kind, fields, object, old)];
}

/** Whether text is standard base64 with padding. */
export function isBase64(text: string): boolean {
  const bare = text.replace(/[\r\n]/g, '');
  return bare.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(bare);
}

function keyCauses(field: string, key: string): readonly Cause[] {
  if (key.length <= 253 && /^[-._a-zA-Z0-9]+$/.test(key) && key !== '.' && !key.startsWith('..')) return [];
  const message =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', or 'KEY_NAME', " +
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+'), at most 253 characters, not '.' and not starting with '..'";
  return [
    {
      type: 'FieldValueInvalid',
      field,
      value: key,
      message: `Invalid value: ${JSON.stringify(key)}: ${message}`,
    },
  ];
}

function base64Cause(field: string, value: string): Cause {
  return {
    type: 'FieldValueInvalid',
    field,
    message: `Invalid value: ${value.length} characters that are not base64; encode the bytes, or use stringData for text`,
  };
}

function immutableCauses(
  kind: string,
  fields: readonly ('data' | 'binaryData')[],
  object: Keyed,
  old: Keyed | undefined,
): readonly Cause[] {
  if (old?.immutable !== true) return [];
  const remedy = `field is immutable when \`immutable\` is set; delete the ${kind} and create it again`;
  const causes: Cause[] = [];
  if (object.immutable !== true) {
    causes.push({ type: 'FieldValueForbidden', field: 'immutable', message: `Forbidden: ${remedy}` });
  }
  for (const field of fields) {
    if (!isDeepStrictEqual(object[field] ?? {}, old[field] ?? {})) {
      causes.push({ type: 'FieldValueForbidden', field, message: `Forbidden: ${remedy}` });
    }
  }
  return causes;
}
