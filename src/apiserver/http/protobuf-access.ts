/** Field numbers of roles, reviews and tokens (`k8s.io/api/{rbac,authorization,authentication}/v1/generated.proto`). */
import type { Message } from './protobuf.ts';
import { message, metadata } from './protobuf-common.ts';

const requirement = message({
  1: ['key', 'string'],
  2: ['operator', 'string'],
  3: ['values', 'string', 'list'],
});
const selector = message({ 1: ['rawSelector', 'string'], 2: ['requirements', requirement, 'list'] });
/** A list that protobuf cannot put into a map without a message around it. */
const texts: Message = { ...message({ 1: ['items', 'string', 'list'] }), inline: 'items' };

const resourceAttributes = message({
  1: ['namespace', 'string'],
  2: ['verb', 'string'],
  3: ['group', 'string'],
  4: ['version', 'string'],
  5: ['resource', 'string'],
  6: ['subresource', 'string'],
  7: ['name', 'string'],
  8: ['fieldSelector', selector],
  9: ['labelSelector', selector],
});
const nonResourceAttributes = message({ 1: ['path', 'string'], 2: ['verb', 'string'] });
const accessStatus = message({
  1: ['allowed', 'bool'],
  2: ['reason', 'string'],
  3: ['evaluationError', 'string'],
  4: ['denied', 'bool'],
});
const selfAccessSpec = message({
  1: ['resourceAttributes', resourceAttributes],
  2: ['nonResourceAttributes', nonResourceAttributes],
});
const accessSpec = message({
  1: ['resourceAttributes', resourceAttributes],
  2: ['nonResourceAttributes', nonResourceAttributes],
  3: ['user', 'string'],
  4: ['groups', 'string', 'list'],
  5: ['extra', texts, 'map'],
  6: ['uid', 'string'],
});
const accessReview = message({
  1: ['metadata', metadata],
  2: ['spec', accessSpec],
  3: ['status', accessStatus],
});

const userInfo = message({
  1: ['username', 'string'],
  2: ['uid', 'string'],
  3: ['groups', 'string', 'list'],
  4: ['extra', texts, 'map'],
});
const boundObject = message({
  1: ['kind', 'string'],
  2: ['apiVersion', 'string'],
  3: ['name', 'string'],
  4: ['uid', 'string'],
});

const policyRule = message({
  1: ['verbs', 'string', 'list'],
  2: ['apiGroups', 'string', 'list'],
  3: ['resources', 'string', 'list'],
  4: ['resourceNames', 'string', 'list'],
  5: ['nonResourceURLs', 'string', 'list'],
});
/** `meta/v1 LabelSelector`. */
export const labelSelector = message({
  1: ['matchLabels', 'string', 'map'],
  2: ['matchExpressions', requirement, 'list'],
});
const subject = message({
  1: ['kind', 'string'],
  2: ['apiGroup', 'string'],
  3: ['name', 'string'],
  4: ['namespace', 'string'],
});
const roleRef = message({ 1: ['apiGroup', 'string'], 2: ['kind', 'string'], 3: ['name', 'string'] });
const binding = message({
  1: ['metadata', metadata],
  2: ['subjects', subject, 'list'],
  3: ['roleRef', roleRef],
});

const authentication = 'authentication.k8s.io/v1';
const authorization = 'authorization.k8s.io/v1';
const rbac = 'rbac.authorization.k8s.io/v1';

/** By `apiVersion/kind`. */
export const accessMessages: readonly (readonly [string, Message])[] = [
  [
    `${authorization}/SelfSubjectAccessReview`,
    message({ 1: ['metadata', metadata], 2: ['spec', selfAccessSpec], 3: ['status', accessStatus] }),
  ],
  [`${authorization}/SubjectAccessReview`, accessReview],
  [`${authorization}/LocalSubjectAccessReview`, accessReview],
  [
    `${authorization}/SelfSubjectRulesReview`,
    message({
      1: ['metadata', metadata],
      2: ['spec', message({ 1: ['namespace', 'string'] })],
      3: [
        'status',
        message({
          1: ['resourceRules', policyRule, 'list'],
          2: ['nonResourceRules', policyRule, 'list'],
          3: ['incomplete', 'bool'],
          4: ['evaluationError', 'string'],
        }),
      ],
    }),
  ],
  [
    `${authentication}/SelfSubjectReview`,
    message({ 1: ['metadata', metadata], 2: ['status', message({ 1: ['userInfo', userInfo] })] }),
  ],
  [
    `${authentication}/TokenReview`,
    message({
      1: ['metadata', metadata],
      2: ['spec', message({ 1: ['token', 'string'], 2: ['audiences', 'string', 'list'] })],
      3: [
        'status',
        message({
          1: ['authenticated', 'bool'],
          2: ['user', userInfo],
          3: ['error', 'string'],
          4: ['audiences', 'string', 'list'],
        }),
      ],
    }),
  ],
  [
    `${authentication}/TokenRequest`,
    message({
      1: ['metadata', metadata],
      2: [
        'spec',
        message({
          1: ['audiences', 'string', 'list'],
          3: ['boundObjectRef', boundObject],
          4: ['expirationSeconds', 'int?'],
        }),
      ],
      3: ['status', message({ 1: ['token', 'string'], 2: ['expirationTimestamp', 'time'] })],
    }),
  ],
  [`${rbac}/Role`, message({ 1: ['metadata', metadata], 2: ['rules', policyRule, 'list'] })],
  [
    `${rbac}/ClusterRole`,
    message({
      1: ['metadata', metadata],
      2: ['rules', policyRule, 'list'],
      3: ['aggregationRule', message({ 1: ['clusterRoleSelectors', labelSelector, 'list'] })],
    }),
  ],
  [`${rbac}/RoleBinding`, binding],
  [`${rbac}/ClusterRoleBinding`, binding],
];
