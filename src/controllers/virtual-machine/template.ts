/** The VMI that a VirtualMachine's template makes. */
import { createHash } from 'node:crypto';
import { apiVersionOf } from '#api/kind.ts';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import type {
  VirtualMachineInstance,
  VirtualMachineInstanceSpec,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { vmiFinalizer } from '../virtual-machine-instance/sync.ts';

const generationAnnotation = 'kubevirt.io/vm-generation';
/** SHA-256 of the template's spec that the VMI was made from. */
const hashAnnotation = 'kubevirt.io/vm-template-hash';

/** Composes the VMI of a VM: same name, the template's labels, annotations and spec. Pure. */
export function composeVmi(vm: VirtualMachine, paused: boolean): VirtualMachineInstance {
  const { template } = vm.spec;
  const { name, namespace, uid = '', generation } = vm.metadata;
  return {
    metadata: {
      name,
      namespace,
      labels: template.metadata?.labels,
      annotations: {
        ...template.metadata?.annotations,
        [generationAnnotation]: String(generation ?? 1),
        [hashAnnotation]: templateHash(vm),
      },
      finalizers: [vmiFinalizer],
      ownerReferences: [
        {
          apiVersion: apiVersionOf(virtualMachine),
          kind: virtualMachine.kind,
          name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: { ...withMacs(template.spec, uid), ...(paused && { startStrategy: 'Paused' }) },
  };
}

/**
 * Cards without a MAC get one that follows from the VM and the network, so that a restart keeps it. A card that stands
 * on the pod network itself has the pod's.
 */
function withMacs(spec: VirtualMachineInstanceSpec, uid: string): VirtualMachineInstanceSpec {
  const { interfaces, ...devices } = spec.domain.devices;
  if (interfaces === undefined) {
    return spec;
  }
  const isPod = (network: string) =>
    spec.networks?.some(({ name, pod }) => name === network && pod !== undefined);
  const cards = interfaces.map((card) =>
    card.macAddress !== undefined || (isPod(card.name) === true && card.masquerade === undefined)
      ? card
      : { ...card, macAddress: macOf(uid, card.name) },
  );
  return { ...spec, domain: { ...spec.domain, devices: { ...devices, interfaces: cards } } };
}

/** A locally administered unicast MAC that is always the same for the same words. */
function macOf(...words: readonly string[]): string {
  const [first = 0, ...rest] = createHash('sha256').update(words.join('\0')).digest().subarray(0, 6);
  return [(first & 0xfc) | 0x02, ...rest].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Whether the template's spec is no longer what the VMI was made from. Labels and annotations do not count. */
export function isOutdated(vm: VirtualMachine, vmi: VirtualMachineInstance): boolean {
  const made = vmi.metadata.annotations?.[hashAnnotation];
  return made !== undefined && made !== templateHash(vm);
}

const hashes = new WeakMap<object, string>();

function templateHash({ spec }: VirtualMachine): string {
  const known = hashes.get(spec);
  if (known !== undefined) {
    return known;
  }
  const hash = createHash('sha256').update(canonical(spec.template.spec)).digest('hex').slice(0, 32);
  hashes.set(spec, hash);
  return hash;
}

/** JSON with sorted keys, so that the order a client wrote fields in does not count. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
