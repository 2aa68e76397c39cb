/** Rules that hold over disks and interfaces together: boot order, ACPI index, PCI address. */
import { duplicate, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { VirtualMachineInstanceSpec } from '../virtual-machine-instance-spec.ts';
import { isPciAddress } from './interface-fields.ts';
import { forEachRepeat, type SpecRule } from './rule.ts';

interface Slot {
  readonly field: string;
  readonly value: number | string | undefined;
}

/** bootOrder is at least 1 and unique over disks and interfaces. */
export const bootOrders: SpecRule = (spec, path) => {
  const slots = deviceSlots(spec, path, 'bootOrder');
  return [
    ...slots.flatMap(({ field, value }) =>
      typeof value === 'number' && value < 1
        ? [invalid(field, value, 'must be greater than 0; leave it out for devices that are not booted from')]
        : [],
    ),
    ...repeats(slots, 'the boot order is already set for a different device'),
  ];
};

/** acpiIndex is 1 to 16383 and unique. */
export const acpiIndexes: SpecRule = (spec, path) => {
  const slots = (spec.domain.devices.interfaces ?? []).map(({ acpiIndex }, index) => ({
    field: `${path}.domain.devices.interfaces[${index}].acpiIndex`,
    value: acpiIndex,
  }));
  return [
    ...slots.flatMap(({ field, value }) =>
      value !== undefined && (value < 1 || value > 16383)
        ? [invalid(field, value, 'must be in the range 1 to 16383')]
        : [],
    ),
    ...repeats(slots, 'the ACPI index is already that of a different device'),
  ];
};

/** PCI addresses in the guest are unique over disks and interfaces. */
export const uniquePciAddresses: SpecRule = (spec, path) => {
  const disks = (spec.domain.devices.disks ?? []).map(({ disk }, index) => ({
    field: `${path}.domain.devices.disks[${index}].disk.pciAddress`,
    value: disk?.pciAddress,
  }));
  const interfaces = (spec.domain.devices.interfaces ?? []).map(({ pciAddress }, index) => ({
    field: `${path}.domain.devices.interfaces[${index}].pciAddress`,
    value: pciAddress,
  }));
  return [
    ...disks.flatMap(({ field, value }) =>
      value === undefined || value === '' || isPciAddress(value)
        ? []
        : [
            invalid(
              field,
              value,
              'malformed PCI address; write domain:bus:slot.function, such as 0000:07:00.0',
            ),
          ],
    ),
    ...repeats([...disks, ...interfaces], 'the PCI address is already that of a different device'),
  ];
};

function deviceSlots(spec: VirtualMachineInstanceSpec, path: string, key: 'bootOrder'): readonly Slot[] {
  const { disks = [], interfaces = [] } = spec.domain.devices;
  return [
    ...disks.map((disk, index) => ({
      field: `${path}.domain.devices.disks[${index}].${key}`,
      value: disk[key],
    })),
    ...interfaces.map((nic, index) => ({
      field: `${path}.domain.devices.interfaces[${index}].${key}`,
      value: nic[key],
    })),
  ];
}

function repeats(slots: readonly Slot[], what: string): readonly Cause[] {
  const causes: Cause[] = [];
  forEachRepeat(
    slots,
    ({ value }) => (typeof value === 'string' ? value.toLowerCase() || undefined : value),
    (index, first) => {
      const slot = slots[index];
      if (slot !== undefined) {
        causes.push(duplicate(slot.field, slot.value, `${what} (${slots[first]?.field}); choose another`));
      }
    },
  );
  return causes;
}
