/** What each of the cluster's own signers signs (pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer). Pure. */
import type { CertificateSigningRequest } from '#api/certificates.k8s.io/certificate-signing-request.ts';
import type { CertificateRequest } from '#certs/requests.ts';

const nodePrefix = 'system:node:';
const nodesGroup = 'system:nodes';

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';

type Usages = readonly string[];
type Rule = (asked: CertificateRequest, usages: Usages) => string | undefined;

const signers: Readonly<Record<string, Rule>> = {
  'kubernetes.io/kube-apiserver-client': (_asked, usages) =>
    usages.includes('client auth')
      ? usagesProblem(usages, ['digital signature', 'key encipherment', 'client auth'])
      : 'usages must include "client auth"',
  [kubeletClientSigner]: kubeletClientProblem,
  'kubernetes.io/kubelet-serving': kubeletServingProblem,
};

/** True for a signer of this cluster; others have their own programs. */
export function isOwnSigner(signerName: string): boolean {
  return signerName in signers;
}

/** Why a signer does not sign this, or nothing. */
export function signingProblem(
  { spec }: CertificateSigningRequest,
  asked: CertificateRequest,
): string | undefined {
  return signers[spec.signerName]?.(asked, spec.usages ?? []);
}

/** Name of the node that a request for a node's client certificate is about; undefined for any other. */
export function nodeAskedFor(
  { spec }: CertificateSigningRequest,
  asked: CertificateRequest,
): string | undefined {
  return spec.signerName === kubeletClientSigner &&
    kubeletClientProblem(asked, spec.usages ?? []) === undefined
    ? asked.commonName.slice(nodePrefix.length)
    : undefined;
}

function kubeletClientProblem(asked: CertificateRequest, usages: Usages): string | undefined {
  const named: readonly (readonly [string, readonly string[]])[] = [
    ['DNS', asked.dnsNames],
    ['IP', asked.ipAddresses],
    ['email', asked.emailAddresses],
    ['URI', asked.uris],
  ];
  const [type] = named.find(([, names]) => names.length > 0) ?? [];
  return (
    organizationProblem(asked) ??
    (type === undefined ? undefined : `${type} subjectAltNames are not allowed`) ??
    exactUsages(usages, 'client auth') ??
    commonNameProblem(asked)
  );
}

function kubeletServingProblem(asked: CertificateRequest, usages: Usages): string | undefined {
  return (
    organizationProblem(asked) ??
    (asked.dnsNames.length + asked.ipAddresses.length === 0
      ? 'at least one DNS or IP subjectAltName is required'
      : undefined) ??
    (asked.emailAddresses.length > 0 ? 'email subjectAltNames are not allowed' : undefined) ??
    (asked.uris.length > 0 ? 'URI subjectAltNames are not allowed' : undefined) ??
    exactUsages(usages, 'server auth') ??
    commonNameProblem(asked)
  );
}

function organizationProblem({ organizations }: CertificateRequest): string | undefined {
  return organizations.length === 1 && organizations[0] === nodesGroup
    ? undefined
    : 'subject organization is not system:nodes';
}

function commonNameProblem({ commonName }: CertificateRequest): string | undefined {
  return commonName.startsWith(nodePrefix) && commonName.length > nodePrefix.length
    ? undefined
    : 'subject common name does not begin with "system:node:"';
}

function exactUsages(usages: Usages, purpose: string): string | undefined {
  return usages.includes('digital signature') && usages.includes(purpose)
    ? usagesProblem(usages, ['digital signature', 'key encipherment', purpose])
    : usagesText(['digital signature', 'key encipherment', purpose]);
}

function usagesProblem(usages: Usages, allowed: readonly string[]): string | undefined {
  return usages.every((usage) => allowed.includes(usage)) ? undefined : usagesText(allowed);
}

function usagesText(allowed: readonly string[]): string {
  return `usages did not match [${allowed.join(' ')}]`;
}
