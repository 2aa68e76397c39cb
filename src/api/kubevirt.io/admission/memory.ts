/** Rules for the guest's memory. KubeVirt vmi-create-admitter.go and vms-admitter.go. */
import { invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { quantityCauses, quantityValue } from '../../quantity.ts';
import type { SpecRule } from './rule.ts';

const MINIMUM = 1_000_000;

/** Some memory is asked for, by guest, hugepages, requests or limits. */
export const memoryAsked: SpecRule = ({ domain: { memory, resources } }, path) => {
  const asked = [
    memory?.guest,
    memory?.hugepages?.pageSize,
    resources?.requests?.['memory'],
    resources?.limits?.['memory'],
  ];
  return asked.some((quantity) => quantity !== undefined && quantityValue(quantity) !== 0)
    ? []
    : [
        required(
          `${path}.domain.memory.guest`,
          `no memory requested, at least one of ${path}.domain.memory.guest, ${path}.domain.memory.hugepages.pageSize or ${path}.domain.resources.requests.memory must be set; add for example memory: {guest: 512Mi}`,
        ),
      ];
};

/** Sizes are quantities, not negative, and fit together. */
export const memorySizes: SpecRule = ({ domain: { memory, resources } }, path) => {
  const at = {
    guest: `${path}.domain.memory.guest`,
    maxGuest: `${path}.domain.memory.maxGuest`,
    requests: `${path}.domain.resources.requests.memory`,
    limits: `${path}.domain.resources.limits.memory`,
  };
  const given = {
    guest: memory?.guest,
    maxGuest: memory?.maxGuest,
    requests: resources?.requests?.['memory'],
    limits: resources?.limits?.['memory'],
  };
  const causes = (['guest', 'maxGuest', 'requests', 'limits'] as const).flatMap((key) =>
    quantityCauses(at[key], given[key]),
  );
  if (causes.length > 0) return causes;
  const size = {
    guest: quantityValue(given.guest),
    maxGuest: quantityValue(given.maxGuest),
    requests: quantityValue(given.requests),
    limits: quantityValue(given.limits),
  };
  return [
    ...atLeast(at.guest, given.guest, size.guest),
    ...atLeast(at.requests, given.requests, size.requests),
    ...notAbove(at.requests, given.requests, size.requests, at.limits, given.limits, size.limits),
    ...notAbove(at.guest, given.guest, size.guest, at.limits, given.limits, size.limits),
    ...notAbove(at.guest, given.guest, size.guest, at.maxGuest, given.maxGuest, size.maxGuest),
  ];
};

/** The guest's memory is made of whole huge pages. */
export const hugepages: SpecRule = ({ domain: { memory, resources } }, path) => {
  const page = memory?.hugepages?.pageSize;
  if (page === undefined) return [];
  const field = `${path}.domain.memory.hugepages.pageSize`;
  const bytes = quantityValue(page);
  if (bytes === undefined || bytes <= 0)
    return [invalid(field, page, 'must be the size of a page, such as 2Mi or 1Gi')];
  const asked = memory?.guest ?? resources?.requests?.['memory'];
  const total = quantityValue(asked);
  if (total === undefined) return [];
  const at =
    memory?.guest === undefined ? `${path}.domain.resources.requests.memory` : `${path}.domain.memory.guest`;
  if (total < bytes) return [invalid(at, asked, `must be equal to or larger than the page size, ${page}`)];
  return total % bytes === 0 ? [] : [invalid(at, asked, `must be a multiple of the page size, ${page}`)];
};

function atLeast(field: string, given: unknown, size: number | undefined): readonly Cause[] {
  return size !== undefined && size > 0 && size < MINIMUM
    ? [invalid(field, given, 'must be at least 1M; the unit is bytes, so write for example 512Mi')]
    : [];
}

function notAbove(
  field: string,
  given: unknown,
  size: number | undefined,
  topField: string,
  topGiven: unknown,
  top: number | undefined,
): readonly Cause[] {
  return size !== undefined && top !== undefined && top !== 0 && size > top
    ? [invalid(field, given, `must not be greater than ${topField}, ${topGiven}`)]
    : [];
}
