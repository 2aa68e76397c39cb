/** Kinds that are answered and not stored: reviews of access and identity, and requests for tokens. */

import { selfSubjectReview, tokenRequest, tokenReview } from '#api/authentication.k8s.io/token.ts';
import {
  localSubjectAccessReview,
  selfSubjectAccessReview,
  selfSubjectRulesReview,
  subjectAccessReview,
} from '#api/authorization.k8s.io/access-review.ts';
import { apiVersionOf, type KindDefinition } from '#api/kind.ts';
import { badRequest, invalid, methodNotAllowed, noSuchPath } from '../api-errors.ts';
import type { Access } from '../auth/access.ts';
import { negotiate } from '../http/accept.ts';
import { type Answer, asYaml, json } from '../http/answer.ts';
import { decodeBody } from '../http/body.ts';
import type { Call, Services } from '../registry/call.ts';
import { readObject } from '../registry/metadata.ts';
import type { ApiObject } from '../registry/objects.ts';
import { processObject } from '../schema/process.ts';
import { reviewAccess, reviewRules } from './access.ts';
import { reviewSelf, reviewToken } from './identity.ts';
import { requestToken } from './token-request.ts';

/** Kinds that have a path of their own. */
export const reviewKinds: readonly KindDefinition[] = [
  selfSubjectAccessReview,
  subjectAccessReview,
  localSubjectAccessReview,
  selfSubjectRulesReview,
  selfSubjectReview,
  tokenReview,
];

/** What reviews are answered with. */
export interface ReviewServices extends Services {
  readonly access: Access;
}

/** A review as its client sent it. */
export interface Review {
  readonly services: ReviewServices;
  readonly call: Call;
  readonly kind: KindDefinition;
  readonly object: ApiObject;
}

/** Returns the object with its answer. Throws 400, 403, 404, 409 or 422. */
type Reviewer = (review: Review) => object;

const reviewers: ReadonlyMap<KindDefinition, Reviewer> = new Map<KindDefinition, Reviewer>([
  [selfSubjectAccessReview, reviewAccess],
  [subjectAccessReview, reviewAccess],
  [localSubjectAccessReview, reviewAccess],
  [selfSubjectRulesReview, reviewRules],
  [selfSubjectReview, reviewSelf],
  [tokenReview, reviewToken],
  [tokenRequest, requestToken],
]);

const byPath = new Map(reviewKinds.map((kind) => [`${kind.group}/${kind.version}/${kind.plural}`, kind]));

/** The kind of a review that a request is about; undefined for everything else. */
export function reviewKindOf({ info }: Call): KindDefinition | undefined {
  if (info.group === '' && info.resource === 'serviceaccounts' && info.subresource === 'token') {
    return tokenRequest;
  }
  return byPath.get(`${info.group}/${info.version}/${info.resource}`);
}

/** Answers a review. Throws ApiError. */
export function answerReview(
  services: ReviewServices,
  call: Call,
  kind: KindDefinition,
  request: {
    readonly accept: string | undefined;
    readonly contentType: string | undefined;
    readonly body: Buffer;
  },
): Answer {
  const { info } = call;
  const own = kind === tokenRequest ? 'token' : '';
  if (info.subresource !== own || info.rest.length > 0 || (!kind.namespaced && info.namespace !== '')) {
    throw noSuchPath();
  }
  const named = kind === tokenRequest ? info.name !== '' : info.name === '';
  if (info.verb !== 'create' || !named || (kind.namespaced && info.namespace === '')) {
    throw methodNotAllowed();
  }
  const object = readReview(kind, request.body, request.contentType);
  const reviewer = reviewers.get(kind);
  if (reviewer === undefined) {
    throw noSuchPath();
  }
  const answered = reviewer({ services, call, kind, object });
  const answer = json({ kind: kind.kind, apiVersion: apiVersionOf(kind), ...answered }, 201);
  return negotiate(request.accept, [])?.yaml === true ? asYaml(answer) : answer;
}

function readReview(kind: KindDefinition, body: Buffer, contentType: string | undefined): ApiObject {
  const { value } = decodeBody(body, contentType);
  const given = readObject(kind.kind, value);
  const wanted = apiVersionOf(kind);
  if ((given.kind ?? kind.kind) !== kind.kind || (given.apiVersion ?? wanted) !== wanted) {
    throw badRequest(
      `${given.kind} in version ${JSON.stringify(given.apiVersion ?? '')} cannot be handled as a ${kind.kind}`,
    );
  }
  // Protobuf leaves out what is empty.
  const named = { spec: {}, ...given, metadata: { ...given.metadata, name: given.metadata.name ?? '' } };
  const processed = processObject(kind, named, { operation: 'CREATE', fieldValidation: 'Ignore' });
  const causes = processed.causes.filter(({ field }) => !field.startsWith('metadata'));
  if (causes.length > 0) {
    throw invalid(kind, '', causes);
  }
  return processed.object as ApiObject;
}
