/** What the loops over certificate requests share. */
import {
  type CertificateSigningRequest,
  isMarked,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import type { CertificateRequest } from '#certs/requests.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** True until somebody approved, denied or failed it. */
export function isPending(request: CertificateSigningRequest): boolean {
  return !(['Approved', 'Denied', 'Failed'] as const).some((type) => isMarked(request, type));
}

/** True when it is approved and waits for its certificate. */
export function isToBeSigned(request: CertificateSigningRequest): boolean {
  return (
    isMarked(request, 'Approved') &&
    !isMarked(request, 'Failed') &&
    (request.status?.certificate ?? '') === ''
  );
}

/** The request as PEM. */
export function pemOf({ spec }: CertificateSigningRequest): string {
  return Buffer.from(spec.request, 'base64').toString('utf8');
}

/** What a request asks for; undefined when it cannot be read. */
export async function readAsked(request: CertificateSigningRequest): Promise<CertificateRequest | undefined> {
  // Loaded with the first request only: the library takes longer to load than the rest of the control plane.
  const { readRequest } = await import('#certs/requests.ts');
  try {
    return readRequest(pemOf(request));
  } catch (error) {
    if (error instanceof PatchbayError && error.reason === 'InvalidRequest') return undefined;
    throw error;
  }
}
