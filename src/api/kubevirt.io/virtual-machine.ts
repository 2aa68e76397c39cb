import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { array, boolean, map, object, oneOf, string, type TypeOf } from '../schema.ts';
import { leavesSpec, nameCauses } from './admission/metadata.ts';
import { runStrategyCauses } from './admission/run-strategy.ts';
import { withDefaultMachine, withInstanceDefaults } from './admission/spec-defaults.ts';
import { validateSpec } from './admission/spec-rules.ts';
import { warnAboutSpec } from './admission/warnings.ts';
import { dataVolumeTemplate } from './data-volume.ts';
import { virtualMachineInstanceSpec } from './virtual-machine-instance-spec.ts';
import { virtualMachineStatus } from './virtual-machine-status.ts';

export type { PrintableStatus, VirtualMachineStatus } from './virtual-machine-status.ts';

/** When a virtual machine runs. */
const runStrategies = ['Always', 'RerunOnFailure', 'Manual', 'Once', 'Halted', 'WaitAsReceiver'] as const;
export type RunStrategy = (typeof runStrategies)[number];

const matcher = (description: string) =>
  object(
    {
      name: string('Name.'),
      kind: string('Kind, namespaced or cluster-wide.'),
      revisionName: string('Revision in use.'),
      inferFromVolume: string('Volume whose labels say the name.'),
      inferFromVolumeFailurePolicy: oneOf(['Reject', 'Ignore'], 'What happens when they do not.'),
    },
    [],
    description,
  );

const template = object(
  {
    metadata: object(
      {
        name: string('Not used.'),
        namespace: string('Not used.'),
        labels: map(string(), 'Labels of the instance and of its launcher pod.'),
        annotations: map(string(), 'Annotations of the instance and of its launcher pod.'),
        creationTimestamp: string('Not used; written by clients.', { format: 'date-time', nullable: true }),
      },
      [],
      'Labels and annotations of the instance.',
    ),
    spec: virtualMachineInstanceSpec,
  },
  ['spec'],
  'The instance to run.',
);

const schema = object(
  {
    spec: object(
      {
        running: boolean('true is runStrategy Always, false is Halted; exclusive with runStrategy.'),
        runStrategy: oneOf(runStrategies, 'When it runs.'),
        template,
        instancetype: matcher('Instance type its size comes from.'),
        preference: matcher('Preference its devices come from.'),
        dataVolumeTemplates: array(dataVolumeTemplate, 'Disks that are made with it.'),
        updateVolumesStrategy: oneOf(['Replacement', 'Migration'], 'What a change of volumes does.'),
      },
      ['template'],
      'The virtual machine to keep.',
    ),
    status: virtualMachineStatus,
  },
  ['spec'],
  'A virtual machine, running or not.',
);

/** A virtual machine, running or not. */
export type VirtualMachine = KubeObject & TypeOf<typeof schema>;

/** Holds a virtual machine that is deleted until its guest is gone, so that its name is free when the deletion is done. */
export const virtualMachineFinalizer = 'kubevirt.io/virtualMachineControllerFinalize';

export const virtualMachine: KindDefinition<VirtualMachine> = {
  group: 'kubevirt.io',
  version: 'v1',
  kind: 'VirtualMachine',
  plural: 'virtualmachines',
  singular: 'virtualmachine',
  shortNames: ['vm', 'vms'],
  categories: ['all'],
  namespaced: true,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    ageColumn,
    { name: 'Status', type: 'string', jsonPath: '.status.printableStatus' },
    { name: 'Ready', type: 'string', jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
  ],
  mutate: withDefaults,
  validate,
  warn,
};

const SPEC = 'spec.template.spec';

/** As upstream finalizer, architecture and machine type: the rest is filled in on the instance, so that it follows the template. */
function withDefaults({ object, subresource, operation }: AdmissionRequest<VirtualMachine>): VirtualMachine {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const { metadata, spec } = object;
  const finalizers = metadata.finalizers ?? [];
  const isHeld = metadata.deletionTimestamp !== undefined || finalizers.includes(virtualMachineFinalizer);
  return {
    ...object,
    metadata: isHeld ? metadata : { ...metadata, finalizers: [...finalizers, virtualMachineFinalizer] },
    spec: { ...spec, template: { ...spec.template, spec: withDefaultMachine(spec.template.spec) } },
  };
}

/** The template is checked as the instance made of it will be. */
function validate(request: AdmissionRequest<VirtualMachine>): readonly Cause[] {
  if (leavesSpec(request)) return [];
  const { metadata, spec } = request.object;
  return [
    ...(request.operation === 'CREATE' ? nameCauses(metadata) : []),
    ...runStrategyCauses(spec),
    ...validateSpec(withInstanceDefaults(spec.template.spec), SPEC),
  ];
}

function warn(request: AdmissionRequest<VirtualMachine>): readonly string[] {
  if (leavesSpec(request)) return [];
  const { spec } = request.object;
  return [
    ...(spec.running === undefined
      ? []
      : ['spec.running is deprecated, please use spec.runStrategy instead.']),
    ...warnAboutSpec(withInstanceDefaults(spec.template.spec), SPEC, request),
  ];
}
