/** Roles for everybody and for parts of a cluster (upstream `rbac/bootstrappolicy`). */
import type { AnyBinding } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { authenticatedGroup, mastersGroup, unauthenticatedGroup } from '../../user.ts';
import { certificateBindings, certificateRoles } from './certificate-roles.ts';
import { bindingTo, clusterRole, paths, read, rule } from './role.ts';

const reviews = (verbs: readonly string[]) => [
  rule(verbs, 'authentication.k8s.io', 'tokenreviews'),
  rule(verbs, 'authorization.k8s.io', 'subjectaccessreviews'),
];
const eventWriter = {
  apiGroups: ['', 'events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch', 'update'],
};

/** What a node's agent needs. Not bound: the node authorizer allows the same, for the node's own objects only. */
const nodeRules = [
  rule(read, '', 'nodes', 'services'),
  rule(['create', 'patch', 'update'], '', 'nodes'),
  rule(['patch', 'update'], '', 'nodes/status'),
  rule([...read, 'delete'], '', 'pods'),
  rule(['patch', 'update'], '', 'pods/status'),
  rule(read, '', 'configmaps', 'secrets'),
  rule(['create'], '', 'serviceaccounts/token'),
  rule(['create', 'patch', 'update'], '', 'events'),
  rule(['create', 'get', 'patch', 'update'], 'coordination.k8s.io', 'leases'),
  rule(['create', ...read], 'certificates.k8s.io', 'certificatesigningrequests'),
];

export const systemRoles: readonly ClusterRole[] = [
  clusterRole('system:basic-user', [
    rule(['create'], 'authorization.k8s.io', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews'),
    rule(['create'], 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  clusterRole('system:discovery', [
    paths(
      '/api',
      '/api/*',
      '/apis',
      '/apis/*',
      '/healthz',
      '/livez',
      '/openapi',
      '/openapi/*',
      '/readyz',
      '/version',
      '/version/',
    ),
  ]),
  clusterRole('system:public-info-viewer', [paths('/healthz', '/livez', '/readyz', '/version', '/version/')]),
  clusterRole('system:monitoring', [
    paths(
      '/healthz',
      '/healthz/*',
      '/livez',
      '/livez/*',
      '/metrics',
      '/metrics/slis',
      '/readyz',
      '/readyz/*',
    ),
  ]),
  clusterRole('system:auth-delegator', reviews(['create'])),
  clusterRole('system:service-account-issuer-discovery', [
    paths('/.well-known/openid-configuration', '/openid/v1/jwks', '/.well-known/openid-configuration/'),
  ]),
  clusterRole('system:node', nodeRules),
  ...certificateRoles,
  clusterRole('system:node-proxier', [
    rule(['list', 'watch'], '', 'endpoints', 'services'),
    rule(read, '', 'nodes'),
    rule(['list', 'watch'], 'discovery.k8s.io', 'endpointslices'),
    eventWriter,
  ]),
];

export const systemBindings: readonly AnyBinding[] = [
  bindingTo('cluster-admin', [mastersGroup]),
  bindingTo('system:basic-user', [authenticatedGroup]),
  bindingTo('system:discovery', [authenticatedGroup]),
  bindingTo('system:public-info-viewer', [authenticatedGroup, unauthenticatedGroup]),
  bindingTo('system:monitoring', ['system:monitoring']),
  bindingTo('system:service-account-issuer-discovery', ['system:serviceaccounts']),
  bindingTo('system:node', []),
  ...certificateBindings,
  bindingTo('system:node-proxier', [], ['system:kube-proxy']),
];
