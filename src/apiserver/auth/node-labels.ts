/** Labels that an agent may set on its own node (upstream `kubelet/pkg/apis/well_known_labels.go`). */

const reserved = ['kubernetes.io', 'k8s.io'];
const allowedPrefixes = ['kubelet.kubernetes.io', 'node.kubernetes.io'];

const allowed: ReadonlySet<string> = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  // Ours besides upstream's: the role that gives no rights.
  'node-role.kubernetes.io/worker',
]);

/** Those of the labels that only the cluster may set: they steer workloads. */
export function forbiddenNodeLabels(keys: readonly string[]): readonly string[] {
  return keys.filter((key) => {
    const [prefix = ''] = key.includes('/') ? key.split('/', 1) : [''];
    const isReserved = reserved.some((domain) => isWithin(prefix, domain));
    return isReserved && !allowed.has(key) && !allowedPrefixes.some((domain) => isWithin(prefix, domain));
  });
}

function isWithin(prefix: string, domain: string): boolean {
  return prefix === domain || prefix.endsWith(`.${domain}`);
}
