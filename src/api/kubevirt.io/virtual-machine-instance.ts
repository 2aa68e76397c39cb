import { ageColumn } from '../columns.ts';
import type { KindDefinition, PrinterColumn } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, type TypeOf } from '../schema.ts';
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
};
