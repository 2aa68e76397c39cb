/** What KubeVirt's mutating webhook fills in. Pure; the parts not changed are shared with the input. */
import { quantityValue } from '../../quantity.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';

/** Architectures by Node's name, with KubeVirt's name and default machine type. */
const ARCHITECTURES: Readonly<Record<string, { readonly name: string; readonly machine: string }>> = {
  x64: { name: 'amd64', machine: 'q35' },
  arm64: { name: 'arm64', machine: 'virt' },
  s390x: { name: 's390x', machine: 's390-ccw-virtio' },
};

/**
 * The pod network behind masquerade when neither networks nor interfaces are named and `autoattachPodInterface` is not false;
 * masquerade is the binding the HyperConverged operator sets as default.
 */
function withDefaultNetwork(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  const { devices } = spec.domain;
  if (devices.autoattachPodInterface === false || spec.networks?.length || devices.interfaces?.length)
    return spec;
  return {
    ...spec,
    networks: [{ name: 'default', pod: {} }],
    domain: { ...spec.domain, devices: { ...devices, interfaces: [{ name: 'default', masquerade: {} }] } },
  };
}

/** Architecture and machine type, by the architecture asked for or that of this machine. */
export function withDefaultMachine(
  spec: VirtualMachineInstanceSpec,
  architecture: string = process.arch,
): VirtualMachineInstanceSpec {
  const own = ARCHITECTURES[architecture];
  const name = spec.architecture || own?.name;
  const machine = Object.values(ARCHITECTURES).find((one) => one.name === name)?.machine;
  const type = spec.domain.machine?.type || machine;
  return {
    ...spec,
    ...(name === undefined ? {} : { architecture: name }),
    domain: { ...spec.domain, ...(type === undefined ? {} : { machine: { ...spec.domain.machine, type } }) },
  };
}

/** All defaults of an instance: also guest memory, CPU topology, pull policies and a disk for each volume without one. */
export function withInstanceDefaults(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  const steps = [
    withDefaultMachine,
    withGuestMemory,
    withCpuTopology,
    withPullPolicies,
    withDefaultNetwork,
    withDisks,
  ];
  return steps.reduce((current, step) => step(current), spec);
}

function withGuestMemory(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  const { memory, resources } = spec.domain;
  const guest =
    memory?.guest ??
    resources?.requests?.['memory'] ??
    resources?.limits?.['memory'] ??
    memory?.hugepages?.pageSize;
  return guest === undefined || memory?.guest !== undefined
    ? spec
    : { ...spec, domain: { ...spec.domain, memory: { ...memory, guest } } };
}

function withCpuTopology(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  const { cpu, resources } = spec.domain;
  if (cpu?.cores || cpu?.sockets || cpu?.threads) return spec;
  const asked = resources?.limits?.['cpu'] ?? resources?.requests?.['cpu'];
  const sockets = Math.max(1, Math.ceil(quantityValue(asked) ?? 1));
  return { ...spec, domain: { ...spec.domain, cpu: { ...cpu, sockets, cores: 1, threads: 1 } } };
}

function withPullPolicies(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  if (!spec.volumes?.some(({ containerDisk }) => containerDisk !== undefined)) return spec;
  const volumes = spec.volumes.map((volume) =>
    volume.containerDisk === undefined || volume.containerDisk.imagePullPolicy !== undefined
      ? volume
      : {
          ...volume,
          containerDisk: {
            ...volume.containerDisk,
            imagePullPolicy: pullPolicyOf(volume.containerDisk.image),
          },
        },
  );
  return { ...spec, volumes };
}

function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  return image.endsWith(':latest') || !/[:@]/.test(image) ? 'Always' : 'IfNotPresent';
}

function withDisks(spec: VirtualMachineInstanceSpec): VirtualMachineInstanceSpec {
  const { devices } = spec.domain;
  const shown = new Set([...(devices.disks ?? []), ...(devices.filesystems ?? [])].map(({ name }) => name));
  const missing = (spec.volumes ?? [])
    .filter(({ name }) => !shown.has(name))
    .map(({ name }) => ({ name, disk: { bus: 'virtio' } }));
  if (missing.length === 0) return spec;
  return {
    ...spec,
    domain: { ...spec.domain, devices: { ...devices, disks: [...(devices.disks ?? []), ...missing] } },
  };
}
