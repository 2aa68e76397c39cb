/** The VMI that a VirtualMachine's template makes. */
import { createHash } from 'node:crypto';
import { apiVersionOf } from '#api/kind.ts';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
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
    spec: paused ? { ...template.spec, startStrategy: 'Paused' } : template.spec,
  };
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
