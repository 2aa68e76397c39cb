/** Rules for cloud-init volumes. KubeVirt vmi-create-admitter.go. */
import { forbidden, invalid, required } from '../../cause.ts';
import { isBase64 } from '../../core/keyed-values.ts';
import type { Cause } from '../../meta.ts';
import type { CloudInitSource } from '../volume.ts';
import type { SpecRule } from './rule.ts';

/** Upstream's limit for user data and network data in a manifest, in bytes. */
const MAX_INLINE_BYTES = 2048;

export const cloudInitVolumes: SpecRule = ({ volumes = [] }, path) =>
  volumes.flatMap((volume, index) =>
    (['cloudInitNoCloud', 'cloudInitConfigDrive'] as const).flatMap((kind) => {
      const source = volume[kind];
      return source === undefined ? [] : sourceCauses(source, `${path}.volumes[${index}].${kind}`);
    }),
  );

function sourceCauses(source: CloudInitSource, field: string): readonly Cause[] {
  const user = { text: 'userData', base64: 'userDataBase64', secret: 'secretRef' } as const;
  const network = {
    text: 'networkData',
    base64: 'networkDataBase64',
    secret: 'networkDataSecretRef',
  } as const;
  const keys = [...Object.values(user), ...Object.values(network)];
  if (!keys.some((key) => isGiven(source[key]))) {
    return [required(field, `must have user data or network data; give one of ${keys.join(', ')}`)];
  }
  return [...partCauses(source, field, user), ...partCauses(source, field, network)];
}

interface Keys {
  readonly text: 'userData' | 'networkData';
  readonly base64: 'userDataBase64' | 'networkDataBase64';
  readonly secret: 'secretRef' | 'networkDataSecretRef';
}

function partCauses(source: CloudInitSource, field: string, keys: Keys): readonly Cause[] {
  const given = [keys.text, keys.base64, keys.secret].filter((key) => isGiven(source[key]));
  if (given.length > 1) {
    return given
      .slice(1)
      .map((key) =>
        forbidden(`${field}.${key}`, `${given.join(' and ')} exclude each other; keep one of them`),
      );
  }
  const encoded = source[keys.base64];
  if (encoded !== undefined && !isBase64(encoded)) {
    const detail = `is not valid base64; encode it with base64 -w0, or write it as text under ${keys.text}`;
    return [invalid(`${field}.${keys.base64}`, abridged(encoded), detail)];
  }
  const text = source[keys.text] ?? '';
  const bytes = encoded === undefined ? Buffer.byteLength(text) : Buffer.byteLength(encoded, 'base64');
  const at = `${field}.${encoded === undefined ? keys.text : keys.base64}`;
  return bytes > MAX_INLINE_BYTES
    ? [
        {
          type: 'FieldValueTooLong',
          field: at,
          message: `may not be more than ${MAX_INLINE_BYTES} bytes, has ${bytes}; put it in a Secret and name it under ${keys.secret}`,
        },
      ]
    : [];
}

function isGiven(value: string | { readonly name?: string | undefined } | undefined): boolean {
  return typeof value === 'string' ? value !== '' : value !== undefined;
}

function abridged(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
