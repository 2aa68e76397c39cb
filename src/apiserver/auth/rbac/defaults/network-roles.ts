/** Roles for networks, as the operators of Multus, OVN-Kubernetes and nmstate make them on OpenShift. */
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import { aggregateTo, clusterRole, read, readWrite, rule } from './role.ts';

export const networkRoles: readonly ClusterRole[] = [
  // Definitions name bridges and VLANs of the machine: users see and use them, administrators of the cluster write them.
  clusterRole(
    'net-attach-def-project',
    [rule(read, 'k8s.cni.cncf.io', 'network-attachment-definitions')],
    aggregateTo('admin', 'edit', 'view'),
  ),
  // The only constraints there are: pods in the network of their node, without and with rights over it.
  ...['hostnetwork', 'privileged'].map((constraint) =>
    clusterRole(`system:openshift:scc:${constraint}`, [
      {
        ...rule(['use'], 'security.openshift.io', 'securitycontextconstraints'),
        resourceNames: [constraint],
      },
    ]),
  ),
  clusterRole(
    'openshift-ovn-kubernetes-udn-editor',
    [rule(readWrite, 'k8s.ovn.org', 'userdefinednetworks')],
    aggregateTo('admin', 'edit'),
  ),
  clusterRole(
    'openshift-ovn-kubernetes-udn-viewer',
    [rule(read, 'k8s.ovn.org', 'userdefinednetworks')],
    aggregateTo('view'),
  ),
  clusterRole(
    'nmstate-cluster-reader',
    [
      rule(
        read,
        'nmstate.io',
        'nodenetworkstates',
        'nodenetworkconfigurationpolicies',
        'nodenetworkconfigurationenactments',
      ),
    ],
    aggregateTo('cluster-reader'),
  ),
];
