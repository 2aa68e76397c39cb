/** `binding: {name: l2bridge}`: the guest stands on the primary user-defined network itself, which gives it its address. */
import type { VmiInterface, VmiNetwork } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Cause } from '#api/meta.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { Binding, BindingInput, BindingOutput } from './binding.ts';
import { composeBridged } from './bridge.ts';

/** As HyperConverged registers it: domain attachment `managedTap`, no DHCP server in the pod. */
export const l2bridge: Binding = { name: 'l2bridge', validate, compose };

/**
 * As upstream, OVN answers guests' DHCP on networks of topology layer2 alone, and there is no server in the pod.
 * @throws PatchbayError `UnsupportedBinding` where the guest would wait for its address for ever
 */
function compose(input: BindingInput): BindingOutput {
  if (input.pod.servesDhcp !== true) {
    const why =
      input.pod.name === 'ovn-udn1'
        ? 'is of topology layer3, on which guests get no address by DHCP; use "masquerade: {}", or a primary network of topology layer2'
        : 'is the default one; make the namespace with the label k8s.ovn.org/primary-user-defined-network and a UserDefinedNetwork with role Primary in it, or use "masquerade: {}"';
    throw new PatchbayError(
      'UnsupportedBinding',
      `interface "${input.interface.name}": binding l2bridge needs a primary user-defined network of topology layer2; the pod network of this namespace ${why}`,
      { retryable: false },
    );
  }
  return composeBridged(input);
}

function validate(card: VmiInterface, network: VmiNetwork | undefined, field: string): readonly Cause[] {
  if (network === undefined || network.pod !== undefined) {
    return [];
  }
  return [
    {
      type: 'FieldValueInvalid',
      field: `${field}.binding.name`,
      value: 'l2bridge',
      message: `interface "${card.name}": l2bridge is for the pod network of a namespace with a primary user-defined network; use "bridge: {}" on network "${network.name}"`,
    },
  ];
}
