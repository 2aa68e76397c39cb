/** What mutating and validating webhooks share. */
import { ageColumn } from '../columns.ts';
import type { KindDefinition, PrinterColumn } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, int32, object, oneOf, string, type TypeOf } from '../schema.ts';
import { admissionGroup, everything, failurePolicy, matchConditions, matchPolicy, rules } from './match.ts';

const clientConfig = object(
  {
    url: string('https://host:port/path; for webhooks that are no service.'),
    service: object(
      {
        namespace: string('Namespace of the service.'),
        name: string('Name of the service.'),
        path: string('Path of the URL.'),
        port: int32('Port of the service.', { default: 443 }),
      },
      ['namespace', 'name'],
      'A service of the cluster.',
    ),
    caBundle: string(
      'PEM that signs the certificate of the webhook; default: the authorities of the system.',
      {
        format: 'byte',
      },
    ),
  },
  [],
  'Where the webhook is.',
);

export const webhookFields = {
  name: string('Full name, such as images.example.com.'),
  clientConfig,
  rules,
  failurePolicy,
  matchPolicy,
  namespaceSelector: everything('Labels of the namespace.'),
  objectSelector: everything('Labels of the object, new or old.'),
  sideEffects: oneOf(
    ['None', 'NoneOnDryRun', 'Some', 'Unknown'],
    'What it does besides answering; requests with dryRun need None or NoneOnDryRun.',
  ),
  timeoutSeconds: int32('Seconds after which it has failed, 1 to 30.', { default: 10 }),
  admissionReviewVersions: array(string(), 'Versions of AdmissionReview it takes, best first.', {
    'x-kubernetes-list-type': 'atomic',
  }),
  matchConditions,
};

export const webhookRequired = ['name', 'clientConfig', 'sideEffects', 'admissionReviewVersions'] as const;

const webhook = object(webhookFields, webhookRequired);
/** A webhook of either kind. */
export type Webhook = TypeOf<typeof webhook>;

export const reinvocationPolicy = oneOf(
  ['IfNeeded', 'Never'],
  'Whether it is asked again when another one changed the object after it.',
  { default: 'Never' },
);

export const webhooksColumns: readonly PrinterColumn[] = [
  {
    name: 'Webhooks',
    type: 'integer',
    description: 'How many webhooks it has.',
    value: (one: KubeObject & { readonly webhooks?: readonly unknown[] | undefined }) =>
      one.webhooks?.length ?? 0,
  },
  ageColumn,
];

/** What the kinds of this group have in common. */
export const ofAdmission = {
  group: admissionGroup,
  version: 'v1',
  namespaced: false,
  builtin: true,
  categories: ['api-extensions'],
} as const satisfies Partial<KindDefinition>;
