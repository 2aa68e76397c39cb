/** `binding: {name: l2bridge}`: the guest stands on the primary user-defined network itself, which gives it its address. */
import type { VmiInterface, VmiNetwork } from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { Cause } from '#api/meta.ts';
import type { Binding } from './binding.ts';
import { composeBridged } from './bridge.ts';

/** As HyperConverged registers it: domain attachment `managedTap`, no DHCP server in the pod. */
export const l2bridge: Binding = { name: 'l2bridge', validate, compose: composeBridged };

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
