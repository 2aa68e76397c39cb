/** Signs approved requests of the cluster's own signers with the instance's authority (pkg/controller/certificates/signer). */
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import type { KeyPair } from '#certs/certificates.ts';
import { timestamp } from '#machinery/clock.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { isToBeSigned, pemOf, readAsked } from './requests.ts';
import { isOwnSigner, signingProblem } from './signers.ts';

/** What the signer needs beyond what all controllers have. */
export interface SignerDeps extends ControllerDeps {
  /** The authority whose certificates the API server takes; without it nothing is signed. */
  readonly authority?: KeyPair | undefined;
}

/** Milliseconds a certificate is good when the request names no time. */
const longestMs = 365 * 86_400_000;
/** Certificates are good a little before they are made: clocks differ. */
const skewMs = 5 * 60_000;

type Status = NonNullable<CertificateSigningRequest['status']>;

/** Signs what is approved. */
export function createCertificateSigner(factory: InformerFactory, deps: SignerDeps): Controller {
  const requests = factory.informer(kind);
  const { authority, clock } = deps;
  return {
    name: 'certificate-signer',
    sources: [
      source(requests, ({ object }) =>
        authority !== undefined && isToBeSigned(object) && isOwnSigner(object.spec.signerName)
          ? [object.metadata.name]
          : [],
      ),
    ],
    reconcile: async (name) => {
      const request = requests.get({ name });
      if (request === undefined || authority === undefined || !isToBeSigned(request)) {
        return undefined;
      }
      const status = await answer(authority, request, clock.now());
      await factory.client
        .update(kind, { ...request, status }, { subresource: 'status' })
        .catch((error: unknown) => {
          if (!isConflict(error) && !isNotFound(error)) throw error;
        });
      return undefined;
    },
  };
}

async function answer(authority: KeyPair, request: CertificateSigningRequest, now: number): Promise<Status> {
  const asked = await readAsked(request);
  const problem = asked === undefined ? 'the request cannot be read' : signingProblem(request, asked);
  if (problem !== undefined) {
    return failed(request, problem, now);
  }
  const { signRequest } = await import('#certs/requests.ts');
  const { expirationSeconds, usages = [] } = request.spec;
  const span = Math.min(longestMs, (expirationSeconds ?? longestMs / 1000) * 1000);
  try {
    const certificate = await signRequest(authority, pemOf(request), {
      usages,
      notBefore: new Date(now - skewMs),
      notAfter: new Date(now + span),
    });
    return { ...request.status, certificate: Buffer.from(certificate).toString('base64') };
  } catch (error) {
    if (error instanceof PatchbayError && error.reason === 'InvalidRequest') {
      return failed(request, messageOf(error), now);
    }
    throw error;
  }
}

function failed({ status }: CertificateSigningRequest, message: string, now: number): Status {
  const at = timestamp(now);
  const condition = {
    type: 'Failed',
    status: 'True' as const,
    reason: 'SignerValidationFailure',
    message,
    lastUpdateTime: at,
    lastTransitionTime: at,
  };
  return { ...status, conditions: [...(status?.conditions ?? []), condition] };
}
