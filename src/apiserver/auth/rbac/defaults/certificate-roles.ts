/** Who may ask for certificates, approve and sign (upstream `rbac/bootstrappolicy` and what kubeadm binds). */
import type { AnyBinding } from '#api/rbac.authorization.k8s.io/binding.ts';
import type { ClusterRole } from '#api/rbac.authorization.k8s.io/cluster-role.ts';
import type { PolicyRule } from '#api/rbac.authorization.k8s.io/rule.ts';
import { bindingTo, clusterRole, read, rule } from './role.ts';

const group = 'certificates.k8s.io';
const requests = 'certificatesigningrequests';
const prefix = `system:${group}:`;
const approve = (signer: string): PolicyRule => ({
  ...rule(['approve'], group, 'signers'),
  resourceNames: [signer],
});
const bootstrappers = 'system:bootstrappers';

export const certificateRoles: readonly ClusterRole[] = [
  clusterRole('system:node-bootstrapper', [rule(['create', ...read], group, requests)]),
  clusterRole(`${prefix}${requests}:nodeclient`, [rule(['create'], group, `${requests}/nodeclient`)]),
  clusterRole(`${prefix}${requests}:selfnodeclient`, [rule(['create'], group, `${requests}/selfnodeclient`)]),
  ...['kube-apiserver-client', 'kube-apiserver-client-kubelet', 'kubelet-serving'].map((signer) =>
    clusterRole(`${prefix}${signer}-approver`, [approve(`kubernetes.io/${signer}`)]),
  ),
];

/** Bootstrap tokens join nodes; nodes renew what they have. Both are approved unasked. */
export const certificateBindings: readonly AnyBinding[] = [
  bindingTo('system:node-bootstrapper', [bootstrappers], [], 'patchbay:node-bootstrapper'),
  bindingTo(`${prefix}${requests}:nodeclient`, [bootstrappers], [], 'patchbay:node-autoapprove-bootstrap'),
  bindingTo(
    `${prefix}${requests}:selfnodeclient`,
    ['system:nodes'],
    [],
    'patchbay:node-autoapprove-certificate-rotation',
  ),
];
