/** `serviceaccounts/NAME/token`: issues a token (upstream `registry/core/serviceaccount/storage/token.go`). */
import type { TokenRequest } from '#api/authentication.k8s.io/token.ts';
import type { Cause } from '#api/meta.ts';
import { timestamp } from '#machinery/clock.ts';
import { badRequest, conflict, forbidden, invalid, notFound } from '../api-errors.ts';
import type { BoundObject } from '../auth/tokens/service-account-tokens.ts';
import { issuer } from '../auth/tokens/service-account-tokens.ts';
import { nodeOf } from '../auth/user.ts';
import { isRecord } from '../registry/metadata.ts';
import { type ApiObject, objectOf } from '../registry/objects.ts';
import { cause } from '../schema/causes.ts';
import type { Review } from './reviews.ts';

const leastSeconds = 600;
const mostSeconds = 2 ** 32;
const defaultSeconds = 3600;
const accounts = { group: '', plural: 'serviceaccounts' };

const boundKinds = {
  Pod: { group: '', plural: 'pods' },
  Secret: { group: '', plural: 'secrets' },
  Node: { group: '', plural: 'nodes' },
} as const;

type Spec = TokenRequest['spec'];

/** Issues a token for the account in the path. Throws 400, 403, 404, 409 or 422. */
export function requestToken(review: Review): object {
  const { services, call, kind, object } = review;
  const { spec } = object as unknown as TokenRequest;
  const { namespace, name } = call.info;
  const given = object.metadata;
  if ((given.name ?? '') !== '' && given.name !== name) {
    throw badRequest(`the name of the object (${given.name}) does not match the name on the URL (${name})`);
  }
  const account = find(review, 'serviceaccounts', namespace, name);
  if (account === undefined) {
    throw notFound(accounts, name);
  }
  const causes = validate(spec);
  if (causes.length > 0) {
    throw invalid(kind, name, causes);
  }
  const bound = boundObject(review, spec);
  restrict(review, bound);
  const seconds = spec.expirationSeconds ?? defaultSeconds;
  const audiences = (spec.audiences ?? []).length === 0 ? [issuer] : (spec.audiences ?? []);
  const node = bound?.kind === 'Pod' ? nodeOfPod(review, bound) : undefined;
  const { token, expires, credential } = services.access.tokens.issue({
    namespace,
    serviceAccount: { name, uid: account.metadata.uid ?? '' },
    audiences,
    seconds,
    ...(bound === undefined ? {} : { bound }),
    ...(node === undefined ? {} : { node }),
  });
  call.annotate?.('authentication.kubernetes.io/issued-credential-id', credential);
  return {
    metadata: { name, namespace, creationTimestamp: timestamp(services.clock.now()) },
    spec: { ...spec, audiences, expirationSeconds: seconds, boundObjectRef: spec.boundObjectRef ?? null },
    status: { token, expirationTimestamp: timestamp(expires) },
  };
}

function validate({ expirationSeconds: seconds = defaultSeconds }: Spec): readonly Cause[] {
  const field = 'spec.expirationSeconds';
  if (seconds < leastSeconds) {
    return [cause('FieldValueInvalid', field, 'may not specify a duration less than 10 minutes', seconds)];
  }
  return seconds > mostSeconds
    ? [cause('FieldValueInvalid', field, 'may not specify a duration larger than 2^32 seconds', seconds)]
    : [];
}

function find(
  { services }: Review,
  resource: string,
  namespace: string,
  name: string,
): ApiObject | undefined {
  const entry = services.store.get({ resource, namespace, name });
  return entry === undefined ? undefined : objectOf(entry);
}

function boundObject(review: Review, { boundObjectRef: reference }: Spec): BoundObject | undefined {
  if (reference === undefined || reference === null) {
    return undefined;
  }
  const { kind, name = '', uid = '' } = reference;
  if (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node') {
    throw badRequest(
      `cannot bind token to object of type ${JSON.stringify(`${reference.apiVersion ?? ''}, Kind=${kind ?? ''}`)}; allowed are Pod, Secret and Node`,
    );
  }
  const { namespace } = review.call.info;
  const resource = boundKinds[kind];
  const found = find(review, resource.plural, kind === 'Node' ? '' : namespace, name);
  if (found === undefined) {
    throw notFound(resource, name);
  }
  if (uid !== '' && uid !== found.metadata.uid) {
    const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
    throw conflict(resource, name, why);
  }
  if (kind === 'Pod' && accountOf(found) !== review.call.info.name) {
    throw badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(review.call.info.name)} to pod running with different serviceaccount name.`,
    );
  }
  return { kind, name, uid: found.metadata.uid ?? '' };
}

function accountOf(pod: ApiObject): string {
  const spec = isRecord(pod['spec']) ? pod['spec'] : {};
  const name = spec['serviceAccountName'];
  return typeof name === 'string' && name !== '' ? name : 'default';
}

function nodeOfPod(
  review: Review,
  bound: BoundObject,
): { readonly name: string; readonly uid: string } | undefined {
  const pod = find(review, 'pods', review.call.info.namespace, bound.name);
  const name = isRecord(pod?.['spec']) ? pod['spec']['nodeName'] : undefined;
  const node = typeof name === 'string' ? find(review, 'nodes', '', name) : undefined;
  return node === undefined ? undefined : { name: node.metadata.name, uid: node.metadata.uid ?? '' };
}

/** A node's agent gets tokens for pods on its node only, which end with them (upstream NodeRestriction). */
function restrict(review: Review, bound: BoundObject | undefined): void {
  const { user, info } = review.call;
  const node = nodeOf(user);
  if (node === undefined) {
    return;
  }
  const why =
    bound?.kind !== 'Pod'
      ? `node requested token not bound to a pod`
      : nodeNameOf(find(review, 'pods', info.namespace, bound.name)) === node
        ? undefined
        : 'node requested token bound to a pod scheduled on a different node';
  if (why !== undefined) {
    throw forbidden(accounts, info.name, why);
  }
}

function nodeNameOf(pod: ApiObject | undefined): unknown {
  return isRecord(pod?.['spec']) ? pod['spec']['nodeName'] : undefined;
}
