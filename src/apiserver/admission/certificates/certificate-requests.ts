/**
 * Certificate signing requests: who asked is written down, what is asked is read, and who approves or signs must be allowed
 * to (kubernetes `registry/certificates`, `plugin/pkg/admission/certificates`, NodeRestriction).
 */
import { invalid as invalidCause } from '#api/cause.ts';
import {
  type CertificateSigningRequest,
  certificateSigningRequest as kind,
} from '#api/certificates.k8s.io/certificate-signing-request.ts';
import type { CertificateRequest } from '#certs/requests.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { invalid } from '../../api-errors.ts';
import { resourceAttributes } from '../../auth/attributes.ts';
import { type Authorizer, isAllowed } from '../../auth/authorize.ts';
import { mastersGroup, nodeOf } from '../../auth/user.ts';
import { deepEqual } from '../../patch/equal.ts';
import type { ApiObject } from '../../registry/objects.ts';
import type { AdmissionPlugin, Attributes } from '../plugin.ts';
import { refused } from '../refusals.ts';

type Request = CertificateSigningRequest;

const clientSigner = 'kubernetes.io/kube-apiserver-client';
const nodeSigners: ReadonlySet<string> = new Set([
  'kubernetes.io/kube-apiserver-client-kubelet',
  'kubernetes.io/kubelet-serving',
]);

export function certificateRequests(authorizers: readonly Authorizer[]): AdmissionPlugin {
  return {
    name: 'CertificateSigningRequest',
    concerns: (target) =>
      target.kind.plural === kind.plural && target.kind.group === kind.group && target.operation !== 'DELETE',
    mutate: (attributes) =>
      attributes.operation === 'CREATE' ? withRequestor(attributes) : attributes.object,
    validate: (attributes) => {
      if (attributes.operation === 'CREATE') {
        return checkCreation(attributes);
      }
      checkSigner(authorizers, attributes);
    },
  };
}

function requestOf(object: ApiObject | undefined): Request | undefined {
  return object as unknown as Request | undefined;
}

/** Who asks is what the server knows, never what the client says. */
function withRequestor({ object, user }: Attributes): ApiObject | undefined {
  const request = requestOf(object);
  if (request === undefined) {
    return object;
  }
  const { username: _n, uid: _u, groups: _g, extra: _e, ...asked } = request.spec;
  const { name, uid, groups, extra } = user;
  const spec: Request['spec'] = {
    ...asked,
    username: name,
    ...(uid === undefined ? {} : { uid }),
    groups,
    ...(extra === undefined || Object.keys(extra).length === 0 ? {} : { extra }),
  };
  return { ...request, spec };
}

async function checkCreation(attributes: Attributes): Promise<void> {
  const request = requestOf(attributes.object);
  if (request === undefined) {
    return;
  }
  const { signerName } = request.spec;
  const asked = await read(attributes, request);
  if (signerName === clientSigner && asked.organizations.includes(mastersGroup)) {
    throw refused(attributes, `use of ${signerName} signer with ${mastersGroup} group is not allowed`);
  }
  const node = nodeOf(attributes.user);
  if (node !== undefined && nodeSigners.has(signerName) && asked.commonName !== attributes.user.name) {
    throw refused(
      attributes,
      `can only create a node CSR with CN=${attributes.user.name}, not with CN=${asked.commonName}`,
    );
  }
}

async function read(attributes: Attributes, { spec }: Request): Promise<CertificateRequest> {
  // Loaded with the first request only: reading them needs a library that costs more than all else here.
  const { readRequest } = await import('#certs/requests.ts');
  try {
    return readRequest(Buffer.from(spec.request, 'base64').toString('utf8'));
  } catch (error) {
    if (error instanceof PatchbayError && error.reason === 'InvalidRequest') {
      throw invalid(attributes.kind, attributes.name, [
        invalidCause('spec.request', spec.request, messageOf(error)),
      ]);
    }
    throw error;
  }
}

/** Approving and signing take a verb on the signer, besides the right to write the subresource. */
function checkSigner(authorizers: readonly Authorizer[], attributes: Attributes): void {
  const { object, old, subresource } = attributes;
  const [request, before] = [requestOf(object), requestOf(old)];
  if (request === undefined || before === undefined) {
    return;
  }
  const { signerName } = before.spec;
  if (subresource === 'approval') {
    demand(authorizers, attributes, 'approve', signerName);
  } else if (subresource === 'status' && !deepEqual(request.status ?? {}, before.status ?? {})) {
    demand(authorizers, attributes, 'sign', signerName);
  }
}

function demand(
  authorizers: readonly Authorizer[],
  attributes: Attributes,
  verb: 'approve' | 'sign',
  signerName: string,
): void {
  const [domain = ''] = signerName.split('/');
  const may = [signerName, `${domain}/*`].some((name) =>
    isAllowed(
      authorizers,
      attributes.user,
      resourceAttributes({ verb, group: kind.group, version: '*', resource: 'signers', name }),
    ),
  );
  if (!may) {
    throw refused(
      attributes,
      `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
    );
  }
}
