/** What all bindings that give the guest a tap have in common. */
import type { Link } from '#node-state/link.ts';
import { normalMac } from '#node-state/mac.ts';
import type { VmNic } from '#node-state/vm.ts';
import type { BindingInput } from './binding.ts';
import { linkNames } from './names.ts';

const models = ['virtio', 'e1000e', 'e1000', 'igb', 'ne2k_pci', 'pcnet', 'rtl8139'] as const;

/** The tap on the in-pod bridge. */
export function composeTap(input: BindingInput): Link {
  const names = linkNames(input.pod.name, input.index);
  return {
    kind: 'link',
    netns: input.pod.netns,
    name: names.tap,
    device: { type: 'tap', owner: input.qemuUser, queues: input.queues },
    up: true,
    mtu: input.pod.mtu,
    port: { bridge: names.bridge },
  };
}

/** The guest's card on that tap. */
export function composeNic(input: BindingInput): VmNic {
  const { interface: card } = input;
  return {
    name: card.name,
    model: models.find((model) => model === card.model) ?? 'virtio',
    mac: normalMac(input.guestMac),
    tap: linkNames(input.pod.name, input.index).tap,
    mtu: input.pod.mtu,
    queues: input.queues,
    ...(card.bootOrder !== undefined && { bootOrder: card.bootOrder }),
    ...(card.pciAddress !== undefined && { pciAddress: card.pciAddress }),
    ...(card.acpiIndex !== undefined && { acpiIndex: card.acpiIndex }),
    linkUp: card.state !== 'down',
  };
}

/** `dhcpOptions` of the interface by option number. */
export function dhcpOptionsOf(
  input: BindingInput,
): readonly { readonly code: number; readonly value: string }[] {
  const options = input.interface.dhcpOptions;
  return [
    ...(options?.tftpServerName === undefined ? [] : [{ code: 66, value: options.tftpServerName }]),
    ...(options?.bootFileName === undefined ? [] : [{ code: 67, value: options.bootFileName }]),
    ...((options?.ntpServers ?? []).length === 0
      ? []
      : [{ code: 42, value: (options?.ntpServers ?? []).join(',') }]),
    ...(options?.privateOptions ?? []).map(({ option, value }) => ({ code: option, value })),
  ];
}

/** True for addresses that are worth passing on: no link-local ones. */
export function isGlobal(address: string): boolean {
  return !/^fe[89ab]/i.test(address) && !address.startsWith('169.254.');
}

/** True for IPv6. */
export function isIpv6(address: string): boolean {
  return address.includes(':');
}
