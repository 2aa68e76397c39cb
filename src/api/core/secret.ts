import { invalid, required } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import { jsonFault } from '../json-fault.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { boolean, map, object, string, type TypeOf } from '../schema.ts';
import { validateKeyedValues } from './keyed-values.ts';

const schema = object(
  {
    immutable: boolean('Whether keys and values are fixed for good.'),
    data: map(string(undefined, { format: 'byte' }), 'Bytes by key, base64.'),
    stringData: map(string(), 'Text by key; written into data, never read back.'),
    type: string('What the keys mean, such as kubernetes.io/basic-auth.'),
  },
  [],
  'Something only a few may read.',
);

/** Something only a few may read. */
export type Secret = KubeObject & TypeOf<typeof schema>;

export const secret: KindDefinition<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  plural: 'secrets',
  singular: 'secret',
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Type',
      type: 'string',
      description: 'What the keys mean.',
      value: (one: Secret) => one.type ?? '',
    },
    {
      name: 'Data',
      type: 'integer',
      description: 'How many keys it has.',
      value: (one: Secret) => Object.keys(one.data ?? {}).length,
    },
    ageColumn,
  ],
  selectableFields: ['type'],
  mutate: ({ object }) => withData(object),
  validate,
};

const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

/** Type Opaque by default; `stringData` becomes part of `data`. */
function withData({ stringData, ...secret }: Secret): Secret {
  const type = secret.type === undefined || secret.type === '' ? 'Opaque' : secret.type;
  if (stringData === undefined) return { ...secret, type };
  const encoded = Object.entries(stringData).map(
    ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
  );
  return { ...secret, type, data: { ...secret.data, ...Object.fromEntries(encoded) } };
}

function validate({ object, old }: AdmissionRequest<Secret>): readonly Cause[] {
  const missing = (REQUIRED_KEYS[object.type ?? ''] ?? []).filter((key) => object.data?.[key] === undefined);
  return [
    ...validateKeyedValues('Secret', ['data'], object, old),
    ...(old === undefined || old.type === object.type
      ? []
      : [
          invalid(
            'type',
            object.type,
            'field is immutable; delete the Secret and create it again with the other type',
          ),
        ]),
    ...missing.map((key) => required(`data[${key}]`, '')),
    ...basicAuthCauses(object),
    ...tokenCauses(object),
    ...dockerCauses(object),
  ];
}

/** Upstream asks for one of the two keys. */
function basicAuthCauses({ type, data }: Secret): readonly Cause[] {
  if (
    type !== 'kubernetes.io/basic-auth' ||
    data?.['username'] !== undefined ||
    data?.['password'] !== undefined
  ) {
    return [];
  }
  return [required('data[username]', ''), required('data[password]', '')];
}

/** A token's Secret names whose it is. */
function tokenCauses({ type, metadata }: Secret): readonly Cause[] {
  const field = 'metadata.annotations[kubernetes.io/service-account.name]';
  return type !== 'kubernetes.io/service-account-token' ||
    (metadata.annotations?.['kubernetes.io/service-account.name'] ?? '') !== ''
    ? []
    : [required(field, '')];
}

/** Credentials of registries are JSON; what they are is never told. */
function dockerCauses({ type, data }: Secret): readonly Cause[] {
  const key = dockerKeys[type ?? ''];
  const value = key === undefined ? undefined : data?.[key];
  if (value === undefined) return [];
  const fault = jsonFault(Buffer.from(value, 'base64').toString('utf8'));
  return fault === undefined ? [] : [invalid(`data[${key}]`, '<secret contents redacted>', fault)];
}

const dockerKeys: Readonly<Record<string, string>> = {
  'kubernetes.io/dockercfg': '.dockercfg',
  'kubernetes.io/dockerconfigjson': '.dockerconfigjson',
};
