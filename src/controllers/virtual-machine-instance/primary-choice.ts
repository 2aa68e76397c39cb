/** Addresses and MAC that a machine asks for on the primary user-defined network of its namespace. Pure. */
import type { VirtualMachineInstanceSpec } from '#api/kubevirt.io/virtual-machine-instance.ts';

/** Annotation of machines: JSON object, name of the card -> list of addresses. */
const addressesAnnotation = 'network.kubevirt.io/addresses';

/**
 * Multus' choice of the default network for the launcher, as kubevirt-ipam-controller writes it; undefined when the machine
 * asks for nothing. Only with `l2bridge` has the guest the pod's own address and MAC.
 */
export function primaryChoice(
  spec: VirtualMachineInstanceSpec,
  annotations: Readonly<Record<string, string>> | undefined,
): string | undefined {
  const card = spec.domain.devices.interfaces?.find(
    ({ name, binding }) =>
      binding?.name === 'l2bridge' &&
      spec.networks?.some((one) => one.name === name && one.pod !== undefined),
  );
  const ips = card === undefined ? [] : addressesOf(annotations?.[addressesAnnotation], card.name);
  const mac = card?.macAddress;
  return ips.length === 0 && mac === undefined
    ? undefined
    : JSON.stringify([
        {
          name: 'default',
          namespace: 'ovn-kubernetes',
          ...(ips.length > 0 && { ips }),
          ...(mac !== undefined && { mac }),
        },
      ]);
}

/** What cannot be read is handed on as it is: the fabric refuses it in an event that names it. */
function addressesOf(text: string | undefined, card: string): readonly string[] {
  if (text === undefined) {
    return [];
  }
  const parsed = parse(text);
  const list: unknown = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, card) : undefined;
  if (Array.isArray(list) && list.every((ip) => typeof ip === 'string')) {
    return list;
  }
  return typeof parsed === 'object' && parsed !== null && list === undefined ? [] : [text];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
