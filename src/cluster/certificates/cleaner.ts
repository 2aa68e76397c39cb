/** Removes certificate requests that are over: answered ones after an hour, forgotten ones after a day (pkg/controller/certificates/cleaner). */
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { isPending } from './requests.ts';

const answeredMs = 3_600_000;
const pendingMs = 24 * 3_600_000;

/** Removes what is over. */
export function createCertificateCleaner(factory: InformerFactory, { clock }: ControllerDeps): Controller {
  const requests = factory.informer(kind);
  return {
    name: 'certificate-cleaner',
    sources: [source(requests, ({ object }) => [object.metadata.name])],
    reconcile: async (name) => {
      const request = requests.get({ name });
      if (request === undefined) {
        return undefined;
      }
      const left = endOf(request) - clock.now();
      if (left > 0) {
        return { requeueAfter: left };
      }
      const { uid, resourceVersion } = request.metadata;
      const preconditions = {
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      };
      await factory.client.delete(kind, { name }, { preconditions }).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
      return undefined;
    },
  };
}

/** When a request may go, in milliseconds since the epoch: counted from its last condition, or from its beginning. */
function endOf(request: CertificateSigningRequest): number {
  const made = Date.parse(request.metadata.creationTimestamp ?? '');
  const times = (request.status?.conditions ?? []).map(({ lastUpdateTime }) =>
    Date.parse(lastUpdateTime ?? ''),
  );
  return isPending(request) ? made + pendingMs : Math.max(made, ...times) + answeredMs;
}
