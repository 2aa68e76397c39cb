/** All rules of a virtual machine instance's spec, in the order of KubeVirt's admission. */
import type { Cause } from '../../meta.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';
import { accessCredentials } from './access-credentials.ts';
import { cloudInitVolumes } from './cloud-init.ts';
import { cpuResources, cpuTopology, dedicatedCpus } from './cpu.ts';
import { acpiIndexes, bootOrders, uniquePciAddresses } from './device-order.ts';
import { interfaceDhcpOptions } from './dhcp-options.ts';
import { bootloader, kernelBoot, machineType, probes, startStrategy } from './firmware.ts';
import { guestDns, guestNames } from './guest-naming.ts';
import { discontinuedBindings, interfaceBindings } from './interface-binding.ts';
import { interfaceModelsKnown, interfaceNameFormat, interfacePciAddresses } from './interface-fields.ts';
import { interfacesHaveNetworks, networksHaveInterfaces, uniqueInterfaceNames } from './interface-pairing.ts';
import { interfaceStates } from './interface-state.ts';
import { macAddresses, uniqueMacAddresses } from './mac-address.ts';
import { hugepages, memoryAsked, memorySizes } from './memory.ts';
import {
  multusNetworkName,
  networkClaims,
  singlePodNetwork,
  singleSource,
  uniqueNetworkNames,
} from './network-sources.ts';
import { podNetworkRanges } from './pod-network-cidr.ts';
import { interfacePortRanges, interfacePorts } from './ports.ts';
import type { SpecRule } from './rule.ts';
import {
  disksHaveVolumes,
  diskTargets,
  singularVolumes,
  uniqueVolumeNames,
  volumeContents,
} from './volumes.ts';

const networkRules: readonly SpecRule[] = [
  discontinuedBindings,
  singlePodNetwork,
  singleSource,
  multusNetworkName,
  podNetworkRanges,
  interfaceStates,
  interfaceBindings,
  uniqueNetworkNames,
  networkClaims,
  networksHaveInterfaces,
  uniqueInterfaceNames,
  interfacesHaveNetworks,
  interfaceNameFormat,
  interfaceModelsKnown,
  macAddresses,
  uniqueMacAddresses,
  interfacePciAddresses,
  interfacePorts,
  interfacePortRanges,
  interfaceDhcpOptions,
];

const specRules: readonly SpecRule[] = [
  guestNames,
  memoryAsked,
  memorySizes,
  hugepages,
  machineType,
  cpuResources,
  cpuTopology,
  dedicatedCpus,
  startStrategy,
  ...networkRules,
  bootOrders,
  acpiIndexes,
  uniquePciAddresses,
  probes,
  bootloader,
  kernelBoot,
  uniqueVolumeNames,
  volumeContents,
  singularVolumes,
  cloudInitVolumes,
  disksHaveVolumes,
  diskTargets,
  accessCredentials,
  guestDns,
];

/** Checks a spec. `path` is its path in the object, for the causes. */
export function validateSpec(spec: VirtualMachineInstanceSpec, path: string): readonly Cause[] {
  return specRules.flatMap((rule) => rule(spec, path));
}
