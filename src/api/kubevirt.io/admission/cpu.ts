/** Rules for the guest's CPUs. KubeVirt vmi-create-admitter.go. */
import { forbidden, invalid } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import { quantityCauses, quantityValue } from '../../quantity.ts';
import type { SpecRule } from './rule.ts';

/** Most virtual CPUs of one machine; KubeVirt's bound for every machine type. */
const MAX_VCPUS = 512;

/** Counts are positive, few enough, and sockets fit in maxSockets. */
export const cpuTopology: SpecRule = ({ domain: { cpu } }, path) => {
  if (cpu === undefined) return [];
  const at = `${path}.domain.cpu`;
  const causes = (['cores', 'sockets', 'threads', 'maxSockets'] as const).flatMap((key) => {
    const count = cpu[key];
    return count !== undefined && count < 0 ? [invalid(`${at}.${key}`, count, 'must be greater than 0')] : [];
  });
  const { cores = 1, sockets = 1, threads = 1, maxSockets = 0 } = cpu;
  const total = Math.max(cores, 1) * Math.max(sockets, 1) * Math.max(threads, 1);
  if (total > MAX_VCPUS) {
    causes.push(
      invalid(
        at,
        `${sockets}x${cores}x${threads}`,
        `sockets x cores x threads is ${total}, must be at most ${MAX_VCPUS}`,
      ),
    );
  }
  if (maxSockets > 0 && sockets > maxSockets) {
    causes.push(
      invalid(
        `${at}.sockets`,
        sockets,
        `must not be greater than ${at}.maxSockets, ${maxSockets}; raise one or lower the other`,
      ),
    );
  }
  return causes;
};

/** Requests and limits are quantities and fit together. */
export const cpuResources: SpecRule = ({ domain: { resources } }, path) => {
  const request = resources?.requests?.['cpu'];
  const limit = resources?.limits?.['cpu'];
  const requestField = `${path}.domain.resources.requests.cpu`;
  const limitField = `${path}.domain.resources.limits.cpu`;
  const causes = [...quantityCauses(requestField, request), ...quantityCauses(limitField, limit)];
  if (causes.length > 0) return causes;
  const top = quantityValue(limit);
  const asked = quantityValue(request);
  return asked !== undefined && top !== undefined && top !== 0 && asked > top
    ? [invalid(requestField, request, `must not be greater than ${limitField}, ${limit}`)]
    : [];
};

/** Options that need CPUs of their own, and what those need. */
export const dedicatedCpus: SpecRule = ({ domain: { cpu, memory, resources } }, path) => {
  const at = `${path}.domain.cpu`;
  const causes: Cause[] = [];
  if (cpu?.dedicatedCpuPlacement !== true) {
    const needs = `needs ${at}.dedicatedCpuPlacement: true; set it, or remove this`;
    if (cpu?.isolateEmulatorThread === true) causes.push(forbidden(`${at}.isolateEmulatorThread`, needs));
    if (cpu?.numa?.guestMappingPassthrough !== undefined) {
      causes.push(forbidden(`${at}.numa.guestMappingPassthrough`, needs));
    }
    if (cpu?.realtime !== undefined) causes.push(forbidden(`${at}.realtime`, needs));
    return causes;
  }
  if (cpu.numa?.guestMappingPassthrough !== undefined && memory?.hugepages === undefined) {
    causes.push(
      forbidden(`${at}.numa.guestMappingPassthrough`, `needs ${path}.domain.memory.hugepages; add it`),
    );
  }
  const asked = resources?.requests?.['cpu'] ?? resources?.limits?.['cpu'];
  if (asked !== undefined && (quantityValue(asked) ?? 0) % 1 !== 0) {
    const key = resources?.requests?.['cpu'] === undefined ? 'limits' : 'requests';
    const detail = 'must be a whole number with dedicatedCpuPlacement: true';
    causes.push(invalid(`${path}.domain.resources.${key}.cpu`, asked, detail));
  }
  return causes;
};
