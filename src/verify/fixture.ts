/** For tests: worlds of pods and guests. */
import type { Pod } from '#api/core/pod.ts';
import type { NetworkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { NodeNetworkState } from '#api/nmstate.io/node-network-state.ts';

/** A NIC of the world: the definition it is on (`''` for the default network) and what it has. */
export interface NicOf {
  readonly network: string;
  readonly addresses: readonly string[];
  /** In the pod. */
  readonly device: string;
  readonly mtu?: number;
  /** Of guests. */
  readonly card?: Readonly<Record<string, unknown>>;
  readonly isDefault?: boolean;
}

/** A plain pod. */
export function podOf(namespace: string, name: string, node: string, nics: readonly NicOf[]): Pod {
  return {
    metadata: {
      namespace,
      name,
      annotations: { 'k8s.v1.cni.cncf.io/network-status': statusText(nics) },
    },
    spec: { nodeName: node, containers: [{ name: 'main' }] },
    status: { phase: 'Running' },
  } as unknown as Pod;
}

/** A virtual machine and its launcher. Its cards are named by their place: `nic0`, `nic1`, … */
export function vmOf(
  namespace: string,
  name: string,
  node: string,
  nics: readonly NicOf[],
): { readonly vmi: VirtualMachineInstance; readonly launcher: Pod } {
  const launcher = podOf(namespace, `virt-launcher-${name}`, node, nics);
  const labels = { 'kubevirt.io': 'virt-launcher', 'vm.kubevirt.io/name': name };
  const interfaces = nics.map(({ card = { bridge: {} } }, index) => ({ name: `nic${index}`, ...card }));
  const vmi = {
    metadata: { namespace, name },
    spec: { domain: { devices: { interfaces } } },
    status: {
      phase: 'Running',
      nodeName: node,
      conditions: [{ type: 'AgentConnected', status: 'True' }],
      interfaces: nics.map(({ addresses, device }, index) => ({
        name: `nic${index}`,
        interfaceName: `eth${index}`,
        podInterfaceName: device,
        ipAddresses: addresses,
      })),
    },
  } as unknown as VirtualMachineInstance;
  return { vmi, launcher: { ...launcher, metadata: { ...launcher.metadata, labels } } };
}

function statusText(nics: readonly NicOf[]): string {
  return JSON.stringify(
    nics.map(({ network, addresses, device, mtu = 1400, isDefault }) => ({
      name: network === '' ? 'ovn-kubernetes' : network,
      interface: device,
      ips: addresses,
      mac: '02:00:00:00:00:01',
      mtu,
      ...(isDefault === true && { default: true }),
      dns: {},
    })),
  );
}

/** A definition. */
export function definitionOf(
  key: string,
  config: Readonly<Record<string, unknown>>,
): NetworkAttachmentDefinition {
  const [namespace = '', name = ''] = key.split('/');
  return {
    metadata: { namespace, name },
    spec: { config: JSON.stringify({ cniVersion: '0.3.1', name: key.replace('/', '.'), ...config }) },
  };
}

/** A definition of an OVN network. */
export function ovnOf(key: string, config: Readonly<Record<string, unknown>>): NetworkAttachmentDefinition {
  return definitionOf(key, { type: 'ovn-k8s-cni-overlay', netAttachDefName: key, ...config });
}

/** A node's state: bridges with their ports, physical networks with their bridges. */
export function stateOf(
  name: string,
  bridges: Readonly<Record<string, readonly string[]>>,
  mappings: Readonly<Record<string, string>> = {},
): NodeNetworkState {
  return {
    metadata: { name },
    status: {
      currentState: {
        interfaces: Object.entries(bridges).map(([bridge, ports]) => ({
          name: bridge,
          type: 'ovs-bridge',
          bridge: { port: ports.map((port) => ({ name: port })) },
        })),
        ovn: {
          'bridge-mappings': Object.entries(mappings).map(([localnet, bridge]) => ({ localnet, bridge })),
        },
      },
    },
  };
}
