/** The variable `authorizer` of a request's expressions (apiserver `pkg/cel/library/authz.go`). */
import type { Attributes as Asked } from '../../auth/attributes.ts';
import { resourceAttributes } from '../../auth/attributes.ts';
import { type Authorizer, decide } from '../../auth/authorize.ts';
import { serviceAccountGroups, serviceAccountUser, type User } from '../../auth/user.ts';
import { CelAuthorizer, type Question } from '../../cel/functions/authorizer.ts';
import type { Attributes } from '../plugin.ts';

/** Answers about the user who makes the request. */
export function authorizerOf(authorizers: readonly Authorizer[], attributes: Attributes): CelAuthorizer {
  const { kind, subresource, namespace, name, user } = attributes;
  return new CelAuthorizer(
    (question, account) => {
      const asker: User =
        account === undefined
          ? user
          : {
              name: serviceAccountUser(account.namespace, account.name),
              groups: serviceAccountGroups(account.namespace),
            };
      const { decision, reason } = decide(authorizers, asker, askedOf(question));
      return { allowed: decision === 'allow', reason };
    },
    { group: kind.group, resource: kind.plural, subresource, namespace, name },
  );
}

function askedOf(question: Question): Asked {
  if (question.path !== undefined) {
    return {
      ...resourceAttributes({ verb: question.verb, resource: '' }),
      isResource: false,
      path: question.path,
    };
  }
  const { verb, group, resource, subresource, namespace, name } = question;
  const query = new URLSearchParams();
  for (const selector of ['fieldSelector', 'labelSelector'] as const) {
    query.set(selector, question[selector] ?? '');
  }
  return resourceAttributes({ verb, group, version: '*', resource, subresource, namespace, name, query });
}
