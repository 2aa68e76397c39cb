/** Reviews of access (upstream `registry/authorization`). */
import {
  type AccessReview,
  localSubjectAccessReview,
  type ReviewedResource,
  selfSubjectAccessReview,
} from '#api/authorization.k8s.io/access-review.ts';
import { badRequest, invalid } from '../api-errors.ts';
import { type Attributes, resourceAttributes } from '../auth/attributes.ts';
import { decide } from '../auth/authorize.ts';
import { mastersGroup, type User } from '../auth/user.ts';
import { cause } from '../schema/causes.ts';
import type { Review } from './reviews.ts';

const metadata = {};

/** Whether somebody may do something. */
export function reviewAccess(review: Review): object {
  const { services, call, kind } = review;
  const { spec } = review.object as unknown as AccessReview;
  const user = kind === selfSubjectAccessReview ? call.user : subjectOf(review);
  const { namespace = '' } = spec.resourceAttributes ?? {};
  if (kind === localSubjectAccessReview && namespace !== call.info.namespace) {
    throw badRequest(
      `spec.resourceAttributes.namespace must match namespace: ${JSON.stringify(call.info.namespace)}`,
    );
  }
  const verdict = decide(services.access.authorizers, user, attributesOf(review));
  return {
    metadata: kind.namespaced ? { ...metadata, namespace: call.info.namespace } : metadata,
    spec,
    status: {
      allowed: verdict.decision === 'allow',
      ...(verdict.decision === 'deny' ? { denied: true } : {}),
      ...(verdict.reason === '' ? {} : { reason: verdict.reason }),
    },
  };
}

function subjectOf({ kind, object }: Review): User {
  const { user = '', groups = [], extra, uid } = (object as unknown as AccessReview).spec;
  if (user === '' && groups.length === 0) {
    throw invalid(kind, '', [
      cause('FieldValueInvalid', 'spec.user', 'at least one of user or group must be specified', ''),
    ]);
  }
  return {
    name: user,
    groups,
    ...(uid === undefined ? {} : { uid }),
    ...(extra === undefined ? {} : { extra }),
  };
}

function attributesOf({ kind, object }: Review): Attributes {
  const { resourceAttributes: resource, nonResourceAttributes: plain } = (object as unknown as AccessReview)
    .spec;
  if ((resource === undefined) === (plain === undefined)) {
    const field = resource === undefined ? 'spec.resourceAttributes' : 'spec.nonResourceAttributes';
    const value = resource === undefined ? undefined : plain;
    throw invalid(kind, '', [
      cause(
        'FieldValueInvalid',
        field,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
        value,
      ),
    ]);
  }
  if (plain !== undefined) {
    const { verb = '', path = '' } = plain;
    return { ...resourceAttributes({ verb, resource: '' }), isResource: false, path };
  }
  return ofResource(resource ?? {});
}

function ofResource(asked: ReviewedResource): Attributes {
  const { verb = '', group = '', version = '', resource = '', subresource = '', namespace = '' } = asked;
  const query = new URLSearchParams({
    fieldSelector: selectorText(asked.fieldSelector),
    labelSelector: selectorText(asked.labelSelector),
  });
  return resourceAttributes({
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: asked.name ?? '',
    query,
  });
}

/** Conditions on exactly one value, as the selector's text; others narrow nothing that anybody asks about. */
function selectorText(selector: ReviewedResource['fieldSelector']): string {
  const exact = (selector?.requirements ?? []).filter(
    ({ operator, values }) => operator === 'In' && values?.length === 1,
  );
  return selector?.rawSelector ?? exact.map(({ key, values }) => `${key}=${values?.[0]}`).join(',');
}

/** Everything that the asking user may do in a namespace. */
export function reviewRules({ services, call, object }: Review): object {
  const spec = object['spec'] as { readonly namespace?: string };
  const { namespace = '' } = spec;
  if (namespace === '') {
    throw badRequest('no namespace on request');
  }
  const { rules, errors } = services.access.policy.rulesFor(call.user, namespace);
  const own = call.user.groups.includes(mastersGroup)
    ? [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
        { verbs: ['*'], nonResourceURLs: ['*'] },
      ]
    : [];
  const all = [...own, ...rules];
  const plain = all.filter((rule) => 'nonResourceURLs' in rule && rule.nonResourceURLs !== undefined);
  return {
    metadata,
    spec: {},
    status: {
      resourceRules: all.filter((rule) => !plain.includes(rule)),
      nonResourceRules: plain,
      incomplete: errors.length > 0,
      ...(errors.length === 0 ? {} : { evaluationError: errors.join(', ') }),
    },
  };
}
