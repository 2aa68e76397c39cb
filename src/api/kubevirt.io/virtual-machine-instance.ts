import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition, PrinterColumn } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
import { changedInstanceCauses, leavesSpec, nameCauses } from './admission/metadata.ts';
import { withInstanceDefaults } from './admission/spec-defaults.ts';
import { validateSpec } from './admission/spec-rules.ts';
import { warnAboutSpec } from './admission/warnings.ts';
import { virtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts';
import { virtualMachineInstanceStatus } from './virtual-machine-instance-status.ts';

export type { VmiInterface } from './interface.ts';
export type { VmiNetwork } from './network.ts';
export type { VirtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts';
export type {
  VirtualMachineInstanceStatus,
  VmiPhase,
  VmiStatusInterface,
} from './virtual-machine-instance-status.ts';
export type { VmiVolume } from './volume.ts';

const schema = object(
  { spec: virtualMachineInstanceSpec, status: virtualMachineInstanceStatus },
  ['spec'],
  'A virtual machine that runs, or is about to.',
);

/** A virtual machine that runs, or is about to. */
export type VirtualMachineInstance = KubeObject & TypeOf<typeof schema>;

const readyPath = '.status.conditions[?(@.type=="Ready")].status';
const columns: readonly PrinterColumn[] = [
  ageColumn,
  { name: 'Phase', type: 'string', jsonPath: '.status.phase' },
  { name: 'IP', type: 'string', jsonPath: '.status.interfaces[0].ipAddress' },
  { name: 'NodeName', type: 'string', jsonPath: '.status.nodeName' },
  { name: 'Ready', type: 'string', jsonPath: readyPath },
  {
    name: 'Live-Migratable',
    type: 'string',
    priority: 1,
    jsonPath: '.status.conditions[?(@.type=="LiveMigratable")].status',
  },
  { name: 'Paused', type: 'string', priority: 1, jsonPath: '.status.conditions[?(@.type=="Paused")].status' },
];

export const virtualMachineInstance: KindDefinition<VirtualMachineInstance> = {
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachineInstance',
  plural: 'virtualmachineinstances',
  singular: 'virtualmachineinstance',
  shortNames: ['vmi', 'vmis'],
  categories: ['all'],
  namespaced: true,
  builtin: false,
  schema,
  subresources: { status: true },
  columns,
  mutate: withDefaults,
  validate,
  warn: (request) =>
    leavesSpec(request) || isOwned(request) ? [] : warnAboutSpec(request.object.spec, 'spec', request),
};

function withDefaults({
  object,
  subresource,
  operation,
}: AdmissionRequest<VirtualMachineInstance>): VirtualMachineInstance {
  if (subresource !== undefined || operation !== 'CREATE') return object;
  return { ...object, spec: withInstanceDefaults(object.spec) };
}

function validate(request: AdmissionRequest<VirtualMachineInstance>): readonly Cause[] {
  if (leavesSpec(request)) return [];
  const { metadata, spec } = request.object;
  return [
    ...(request.operation === 'CREATE' ? nameCauses(metadata) : []),
    ...changedInstanceCauses(request),
    ...validateSpec(spec, 'spec'),
  ];
}

/** Whoever wrote the virtual machine was told already. */
function isOwned({ object }: AdmissionRequest<VirtualMachineInstance>): boolean {
  return object.metadata.ownerReferences?.some(({ controller }) => controller === true) ?? false;
}
