/**
 * Approves what nodes ask for: their first certificate with a bootstrap token, and later ones with what they have
 * (pkg/controller/certificates/approver). Stricter than upstream in one point: a bootstrap token gets no certificate of a node
 * that is there already, since whoever has a token would become any node; such a request waits for an administrator.
 */
import { subjectAccessReview } from '#api/authorization.k8s.io/access-review.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import { node as nodeKind } from '#api/core/node.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { timestamp } from '#machinery/clock.ts';
import { type Controller, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound } from '#machinery/errors.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { isPending, readAsked } from './requests.ts';
import { kubeletClientSigner, nodeAskedFor } from './signers.ts';

const nodePrefix = 'system:node:';

/** Approves requests of nodes. */
export function createCertificateApprover(factory: InformerFactory, deps: ControllerDeps): Controller {
  const requests = factory.informer(kind);
  const { client } = factory;
  return {
    name: 'certificate-approver',
    sources: [
      source(requests, ({ object }) =>
        object.spec.signerName === kubeletClientSigner && isPending(object) ? [object.metadata.name] : [],
      ),
    ],
    reconcile: async (name) => {
      const request = requests.get({ name });
      if (request === undefined || !isPending(request)) {
        return undefined;
      }
      const asked = await readAsked(request);
      const node = asked === undefined ? undefined : nodeAskedFor(request, asked);
      const approval = node === undefined ? undefined : await approvalOf(client, request, node);
      if (approval === undefined) {
        deps.log.info({ request: name, by: request.spec.username }, 'certificate request waits for approval');
        return undefined;
      }
      await approve(client, request, approval, timestamp(deps.clock.now()));
      return undefined;
    },
  };
}

/** The message of the approval; undefined when somebody else has to decide. */
async function approvalOf(
  client: ApiClient,
  request: CertificateSigningRequest,
  node: string,
): Promise<string | undefined> {
  if (request.spec.username === `${nodePrefix}${node}`) {
    return (await may(client, request, 'selfnodeclient'))
      ? 'Auto approving self kubelet client certificate after SubjectAccessReview.'
      : undefined;
  }
  if (!(await may(client, request, 'nodeclient')) || (await isThere(client, node))) {
    return undefined;
  }
  return 'Auto approving kubelet client certificate after SubjectAccessReview.';
}

async function isThere(client: ApiClient, name: string): Promise<boolean> {
  return client.get(nodeKind, { name }).then(
    () => true,
    (error: unknown) => {
      if (!isNotFound(error)) throw error;
      return false;
    },
  );
}

async function may(
  client: ApiClient,
  { spec }: CertificateSigningRequest,
  subresource: string,
): Promise<boolean> {
  const { username: user = '', groups = [], uid, extra } = spec;
  const review = await client.create(subjectAccessReview, {
    metadata: { name: '' },
    spec: {
      user,
      groups,
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
      resourceAttributes: {
        verb: 'create',
        group: kind.group,
        version: '*',
        resource: kind.plural,
        subresource,
      },
    },
  });
  return review.status?.allowed === true;
}

async function approve(
  client: ApiClient,
  request: CertificateSigningRequest,
  message: string,
  now: string,
): Promise<void> {
  const condition = {
    type: 'Approved',
    status: 'True' as const,
    reason: 'AutoApproved',
    message,
    lastUpdateTime: now,
    lastTransitionTime: now,
  };
  const conditions = [...(request.status?.conditions ?? []), condition];
  await client
    .update(kind, { ...request, status: { ...request.status, conditions } }, { subresource: 'approval' })
    .catch(ignoreRace);
}

/** Somebody else decided, or took the request back: the informer will show which. */
function ignoreRace(error: unknown): void {
  if (!isConflict(error) && !isNotFound(error)) {
    throw error;
  }
}
