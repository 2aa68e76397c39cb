/** The pod a VMI runs in. */
import type { Pod } from '#api/core/pod.ts';
import { apiVersionOf } from '#api/kind.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { LauncherNetworks } from './networks.ts';
import { launcherResources } from './resources.ts';

/** Label that ties a launcher pod to its VMI: the VMI's UID. */
export const createdByLabel = 'kubevirt.io/created-by';
/** Seconds the launcher has beyond the guest's own grace period, as upstream. */
const launcherGrace = 15;
/** The API's default of `terminationGracePeriodSeconds` for VMIs. */
const defaultGrace = 30;
/** Annotations of a VMI that are about the VMI alone. */
const privateAnnotations: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'kubevirt.io/vm-generation',
  'kubevirt.io/vm-template-hash',
]);

/** Seconds a launcher pod may take to stop. */
export function podGracePeriod(vmi: VirtualMachineInstance): number {
  return (vmi.spec.terminationGracePeriodSeconds ?? defaultGrace) + launcherGrace;
}

/** Composes the launcher pod of a VMI. Pure. `image` runs where a kubelet runs pods; lab agents start QEMU themselves. */
export function composeLauncherPod(
  vmi: VirtualMachineInstance,
  networks: LauncherNetworks,
  image: string,
): Pod {
  const { name, namespace, uid = '' } = vmi.metadata;
  return {
    metadata: {
      name: '',
      generateName: `virt-launcher-${name}-`,
      namespace,
      labels: {
        ...vmi.metadata.labels,
        'kubevirt.io': 'virt-launcher',
        [createdByLabel]: uid,
        'vm.kubevirt.io/name': name.slice(0, 63),
      },
      annotations: { ...podAnnotations(vmi), 'kubevirt.io/domain': name, ...networks.annotations },
      ownerReferences: [
        {
          apiVersion: apiVersionOf(virtualMachineInstance),
          kind: virtualMachineInstance.kind,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: podSpec(vmi, networks, image),
  };
}

function podAnnotations({ metadata }: VirtualMachineInstance): Readonly<Record<string, string>> {
  const own = Object.entries(metadata.annotations ?? {}).filter(([key]) => !privateAnnotations.has(key));
  return { ...Object.fromEntries(own), 'kubectl.kubernetes.io/default-container': 'compute' };
}

function podSpec(vmi: VirtualMachineInstance, networks: LauncherNetworks, image: string): Pod['spec'] {
  const { spec, metadata } = vmi;
  const { nodeSelector, affinity, tolerations, topologySpreadConstraints, schedulerName, priorityClassName } =
    spec;
  const { subdomain, dnsPolicy, dnsConfig, serviceAccountName } = spec;
  return {
    ...defined({
      nodeSelector,
      affinity,
      tolerations,
      topologySpreadConstraints,
      schedulerName,
      priorityClassName,
      subdomain,
      dnsPolicy,
      dnsConfig,
      serviceAccountName,
    }),
    // A pod's host name is a DNS label; a VM's name may be longer or have dots.
    hostname: spec.hostname ?? hostnameOf(metadata.name),
    restartPolicy: 'Never',
    enableServiceLinks: false,
    automountServiceAccountToken: serviceAccountName !== undefined,
    terminationGracePeriodSeconds: podGracePeriod(vmi),
    containers: [{ name: 'compute', image, resources: launcherResources(spec, networks.resources) }],
  };
}

function hostnameOf(name: string): string {
  return (name.split('.')[0] ?? name).slice(0, 63).replace(/-+$/, '');
}

function defined<T extends object>(fields: T): { readonly [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof T]?: NonNullable<T[K]>;
  };
}
