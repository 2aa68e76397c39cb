/** A request for a certificate (`certificates/v1`). */
import { ageColumn, humanDuration } from '../columns.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, int32, listMap, map, object, oneOf, string, type TypeOf, time } from '../schema.ts';
import { requestCauses } from './admission/request-rules.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;
const bytes = { format: 'byte' } as const;

const condition = object(
  {
    type: string('Approved, Denied or Failed.'),
    status: oneOf(['True', 'False', 'Unknown'], 'Whether it holds; True for the three.'),
    reason: string('CamelCase word for the cause.'),
    message: string('The cause in words.'),
    lastUpdateTime: { ...time('When it was last written.'), nullable: true },
    lastTransitionTime: { ...time('When status last changed.'), nullable: true },
  },
  ['type', 'status'],
);

const schema = object(
  {
    spec: object(
      {
        request: string('Certificate request (PKCS #10, PEM), in base64.', {
          ...bytes,
          'x-kubernetes-list-type': 'atomic',
        }),
        signerName: string('Who is to sign, such as kubernetes.io/kube-apiserver-client.'),
        expirationSeconds: int32('How long the certificate shall be good, 600 at least.'),
        usages: array(string(), 'What the certificate may be used for.', atomic),
        username: string('Who asked; set by the server.'),
        uid: string('UID of who asked; set by the server.'),
        groups: array(string(), 'Groups of who asked; set by the server.', atomic),
        extra: map(array(string(), undefined, atomic), 'Further facts about who asked; set by the server.'),
      },
      ['request', 'signerName'],
      'What is asked; it cannot be changed.',
    ),
    status: object(
      {
        conditions: listMap(['type'], condition, 'Whether it was approved, denied or failed.'),
        certificate: string('The certificate (PEM), in base64.', {
          ...bytes,
          'x-kubernetes-list-type': 'atomic',
        }),
      },
      [],
      'What became of it.',
    ),
  },
  ['spec'],
  "A request for a certificate that one of the cluster's signers signs once it is approved.",
);

/** A request for a certificate. */
export type CertificateSigningRequest = KubeObject & TypeOf<typeof schema>;

export const certificateSigningRequest: KindDefinition<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  shortNames: ['csr'],
  namespaced: false,
  builtin: true,
  nameRule: 'path-segment',
  schema,
  subresources: { status: true },
  selectableFields: ['spec.signerName'],
  columns: [
    ageColumn,
    { name: 'SignerName', type: 'string', description: 'Who is to sign.', jsonPath: '.spec.signerName' },
    { name: 'Requestor', type: 'string', description: 'Who asked.', jsonPath: '.spec.username' },
    {
      name: 'RequestedDuration',
      type: 'string',
      description: 'How long the certificate shall be good.',
      value: ({ spec }: CertificateSigningRequest) =>
        spec.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds),
    },
    { name: 'Condition', type: 'string', description: 'What became of it.', value: progressOf },
  ],
  validate: requestCauses,
};

/** True when a condition of this type holds. */
export function isMarked(
  { status }: CertificateSigningRequest,
  type: 'Approved' | 'Denied' | 'Failed',
): boolean {
  return status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
}

function progressOf(request: CertificateSigningRequest): string {
  const { conditions = [], certificate = '' } = request.status ?? {};
  const has = (type: string) => conditions.some((one) => one.type === type);
  return [
    has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending',
    ...(has('Failed') ? ['Failed'] : []),
    ...(certificate === '' ? [] : ['Issued']),
  ].join(',');
}
