/** Rules of certificate signing requests. k8s.io/kubernetes/pkg/apis/certificates/validation; the request itself is read in admission. */
import { duplicate, forbidden, invalid, notSupported, required } from '../../cause.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Cause } from '../../meta.ts';
import { dnsLabelProblem, dnsSubdomainProblem } from '../../names.ts';
import type { CertificateSigningRequest } from '../certificate-signing-request.ts';

/** What certificates may be used for (`certificates/v1 KeyUsage`). */
export const keyUsages = [
  'signing',
  'digital signature',
  'content commitment',
  'key encipherment',
  'key agreement',
  'data encipherment',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
  'any',
  'server auth',
  'client auth',
  'code signing',
  'email protection',
  's/mime',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'timestamping',
  'ocsp signing',
  'microsoft sgc',
  'netscape sgc',
] as const;

const leastSeconds = 600;
/** Conditions that say what became of a request; they are always true and stay. */
const verdicts: ReadonlySet<string> = new Set(['Approved', 'Denied', 'Failed']);

type Request = AdmissionRequest<CertificateSigningRequest>;
type Conditions = NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>;

/** Conditions get their times from the server when the writer leaves them out; `now` is an RFC 3339 timestamp. */
export function withConditionTimes(
  { object, old, subresource }: Request,
  now: string,
): CertificateSigningRequest {
  const conditions = object.status?.conditions;
  if (conditions === undefined || (subresource !== 'status' && subresource !== 'approval')) {
    return object;
  }
  const timed = conditions.map((one) => {
    const before = old?.status?.conditions?.find(({ type }) => type === one.type);
    const kept = before?.status === one.status ? before.lastTransitionTime : undefined;
    return {
      ...one,
      lastUpdateTime: one.lastUpdateTime ?? before?.lastUpdateTime ?? now,
      lastTransitionTime: one.lastTransitionTime ?? kept ?? now,
    };
  });
  return { ...object, status: { ...object.status, conditions: timed } };
}

/** What is wrong with a request. */
export function requestCauses({ object, old, operation, subresource }: Request): readonly Cause[] {
  if (operation === 'DELETE') {
    return [];
  }
  const { spec, status } = object;
  const conditions = conditionCauses(status?.conditions ?? []);
  if (old === undefined) {
    return [
      ...usageCauses(spec.usages ?? []),
      ...signerNameCauses(spec.signerName),
      ...((spec.expirationSeconds ?? leastSeconds) < leastSeconds
        ? [
            invalid(
              'spec.expirationSeconds',
              spec.expirationSeconds,
              'may not specify a duration less than 600 seconds (10 minutes)',
            ),
          ]
        : []),
      ...conditions,
    ];
  }
  return [...conditions, ...changeCauses(object, old, subresource)];
}

function usageCauses(usages: readonly string[]): readonly Cause[] {
  if (usages.length === 0) {
    return [required('spec.usages', '')];
  }
  return usages.flatMap((usage, index) => {
    const field = `spec.usages[${index}]`;
    if (!keyUsages.some((known) => known === usage)) return [notSupported(field, usage, keyUsages)];
    return usages.indexOf(usage) < index ? [duplicate(field, usage, '')] : [];
  });
}

function signerNameCauses(signer: string): readonly Cause[] {
  const field = 'spec.signerName';
  if (signer === '') {
    return [required(field, '')];
  }
  if (signer === 'kubernetes.io/legacy-unknown') {
    return [invalid(field, signer, 'the legacy signerName is not allowed via this API version')];
  }
  const [domain = '', path, ...rest] = signer.split('/');
  if (path === undefined || rest.length > 0) {
    return [
      invalid(
        field,
        signer,
        "must be a fully qualified domain and path of the form 'example.com/signer-name'",
      ),
    ];
  }
  const labels = domain.split('.');
  const problems = (value: string, parts: readonly string[], rule: (part: string) => string | undefined) =>
    parts.flatMap((part) => {
      const problem = rule(part);
      return problem === undefined
        ? []
        : [invalid(field, value, `validating label ${JSON.stringify(part)}: ${problem}`)];
    });
  return [
    ...problems(domain, labels, dnsLabelProblem),
    ...(labels.length < 2
      ? [invalid(field, domain, 'should be a domain with at least two segments separated by dots')]
      : []),
    ...problems(path, path.split('.'), dnsSubdomainProblem),
  ];
}

function conditionCauses(conditions: Conditions): readonly Cause[] {
  const types = conditions.map(({ type }) => type);
  return conditions.flatMap(({ type, status }, index) => {
    const field = `status.conditions[${index}]`;
    if (type === '') return [required(`${field}.type`, '')];
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : '';
    return [
      ...(verdicts.has(type) && status !== 'True' ? [notSupported(`${field}.status`, status, ['True'])] : []),
      ...(types.indexOf(other) >= 0 && types.indexOf(other) < index
        ? [invalid(`${field}.type`, type, 'Approved and Denied conditions are mutually exclusive')]
        : []),
    ];
  });
}

/** What an update of a subresource may not do: verdicts stay, and only the approval writes the first two. */
function changeCauses(
  object: CertificateSigningRequest,
  old: CertificateSigningRequest,
  subresource: string | undefined,
): readonly Cause[] {
  const has = (one: CertificateSigningRequest, type: string): boolean =>
    one.status?.conditions?.some((each) => each.type === type) === true;
  const field = 'status.conditions';
  const certificate = old.status?.certificate ?? '';
  return [
    ...['Approved', 'Denied', 'Failed'].flatMap((type) => [
      ...(has(old, type) && !has(object, type)
        ? [forbidden(field, `updates may not remove a condition of type ${JSON.stringify(type)}`)]
        : []),
      ...(type !== 'Failed' && subresource !== 'approval' && !has(old, type) && has(object, type)
        ? [forbidden(field, `updates may not add a condition of type ${JSON.stringify(type)}`)]
        : []),
    ]),
    ...(certificate !== '' && certificate !== (object.status?.certificate ?? '')
      ? [forbidden('status.certificate', 'updates may not modify existing certificate content')]
      : []),
  ];
}
