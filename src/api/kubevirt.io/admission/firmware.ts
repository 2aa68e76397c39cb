/** Rules for firmware, kernel boot and what starts the guest. KubeVirt vmi-create-admitter.go. */
import { forbidden, invalid, required } from '../../cause.ts';
import type { Cause } from '../../meta.ts';
import type { SpecRule } from './rule.ts';

/** Machine types that QEMU has here. */
const MACHINES = /^(?:q35|pc-q35-[\w.-]+|virt|virt-[\w.-]+|s390-ccw-virtio[\w.-]*)$/;

export const machineType: SpecRule = ({ domain: { machine } }, path) =>
  machine?.type === undefined || machine.type === '' || MACHINES.test(machine.type)
    ? []
    : [
        invalid(
          `${path}.domain.machine.type`,
          machine.type,
          'is not supported (allowed values: q35*, pc-q35-*, virt*, s390-ccw-virtio*); leave it out to get the default',
        ),
      ];

export const bootloader: SpecRule = ({ domain: { firmware, features } }, path) => {
  const { efi, bios } = firmware?.bootloader ?? {};
  const field = `${path}.domain.firmware.bootloader`;
  if (efi !== undefined && bios !== undefined)
    return [forbidden(field, 'efi and bios exclude each other; keep one of the two')];
  const smm = features?.smm !== undefined && features.smm.enabled !== false;
  return efi !== undefined && efi.secureBoot !== false && !smm
    ? [
        invalid(
          `${field}.efi.secureBoot`,
          efi.secureBoot ?? true,
          `SecureBoot (the default) requires SMM, which is disabled; set ${path}.domain.features.smm.enabled: true, or secureBoot: false`,
        ),
      ]
    : [];
};

export const kernelBoot: SpecRule = ({ domain: { firmware } }, path) => {
  const boot = firmware?.kernelBoot;
  if (boot === undefined) return [];
  const field = `${path}.domain.firmware.kernelBoot`;
  if (boot.container === undefined) {
    return boot.kernelArgs === undefined || boot.kernelArgs === ''
      ? []
      : [
          invalid(
            `${field}.kernelArgs`,
            boot.kernelArgs,
            'kernel arguments cannot be given without a kernel; add container',
          ),
        ];
  }
  const { image, kernelPath = '', initrdPath = '' } = boot.container;
  const causes: Cause[] = [];
  if (image === '')
    causes.push(required(`${field}.container.image`, 'must name the image with kernel and initrd'));
  if (kernelPath === '' && initrdPath === '') {
    causes.push(required(`${field}.container.kernelPath`, 'must be given, or initrdPath, or both'));
  }
  if ((boot.kernelArgs ?? '') !== '' && kernelPath === '') {
    const detail = `kernel arguments cannot be given without a kernel; add ${field}.container.kernelPath`;
    causes.push(invalid(`${field}.kernelArgs`, boot.kernelArgs, detail));
  }
  return causes;
};

/** A probe asks in exactly one way; those over the network need the pod network. */
export const probes: SpecRule = (spec, path) =>
  (['livenessProbe', 'readinessProbe'] as const).flatMap((key) => {
    const probe = spec[key];
    if (probe === undefined) return [];
    const field = `${path}.${key}`;
    const given = (['httpGet', 'tcpSocket', 'exec', 'guestAgentPing'] as const).filter(
      (way) => probe[way] !== undefined,
    );
    if (given.length !== 1) {
      const detail = 'must have exactly one of httpGet, tcpSocket, exec and guestAgentPing';
      return [given.length === 0 ? required(field, detail) : forbidden(field, detail)];
    }
    const overNetwork = probe.httpGet !== undefined || probe.tcpSocket !== undefined;
    return overNetwork && !(spec.networks ?? []).some(({ pod }) => pod !== undefined)
      ? [
          forbidden(
            `${field}.${given[0]}`,
            'is only allowed with the pod network; use guestAgentPing or exec',
          ),
        ]
      : [];
  });

export const startStrategy: SpecRule = ({ startStrategy: strategy, livenessProbe }, path) =>
  strategy === 'Paused' && livenessProbe !== undefined
    ? [forbidden(`${path}.startStrategy`, `a paused start fails ${path}.livenessProbe; keep one of the two`)]
    : [];
