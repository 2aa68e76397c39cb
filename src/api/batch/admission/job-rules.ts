/** Rules of Jobs. k8s.io/kubernetes/pkg/apis/batch/validation ValidateJob, ValidateJobUpdate. */
import { isDeepStrictEqual } from 'node:util';
import { invalid, required } from '../../cause.ts';
import { selectorMatchCauses, templateCauses } from '../../core/admission/pod-template-rules.ts';
import type { AdmissionRequest } from '../../kind.ts';
import { labelSelectorCauses } from '../../label-rules.ts';
import type { Cause } from '../../meta.ts';
import { immutable, nonNegative } from '../../number-rules.ts';
import type { Job, JobSpec } from '../job.ts';

export function jobCauses({ object, old, operation, subresource }: AdmissionRequest<Job>): readonly Cause[] {
  if (operation === 'DELETE' || subresource !== undefined) return [];
  const { spec } = object;
  return [
    ...numberCauses(spec),
    ...indexCauses(spec),
    ...(spec.selector === undefined
      ? [required('spec.selector', '')]
      : [
          ...labelSelectorCauses('spec.selector', spec.selector),
          ...selectorMatchCauses(spec.selector, spec.template),
        ]),
    ...templateCauses(spec.template, 'spec.template'),
    ...restartCauses(spec),
    ...(old === undefined ? [] : updateCauses(object, old)),
  ];
}

function numberCauses(spec: JobSpec): readonly Cause[] {
  const names = [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const;
  return names.flatMap((name) => nonNegative(`spec.${name}`, spec[name]));
}

function indexCauses(spec: JobSpec): readonly Cause[] {
  const indexed = spec.completionMode === 'Indexed';
  if (indexed) {
    if (spec.completions === undefined) {
      return [required('spec.completions', 'when completion mode is Indexed')];
    }
    return (spec.parallelism ?? 0) > 100_000 && spec.completions > 100_000
      ? [
          invalid(
            'spec.parallelism',
            spec.parallelism,
            'must be less than or equal to 100000 when completions are more',
          ),
        ]
      : [];
  }
  const detail = 'requires indexed completion mode';
  return (['backoffLimitPerIndex', 'maxFailedIndexes', 'successPolicy'] as const)
    .filter((name) => spec[name] !== undefined)
    .map((name) => invalid(`spec.${name}`, spec[name], detail));
}

function restartCauses({ template, podFailurePolicy }: JobSpec): readonly Cause[] {
  const { restartPolicy = 'Always' } = template.spec;
  const field = 'spec.template.spec.restartPolicy';
  if (restartPolicy === 'Always') return [required(field, 'valid values: "OnFailure", "Never"')];
  return podFailurePolicy !== undefined && restartPolicy !== 'Never'
    ? [invalid(field, restartPolicy, 'only "Never" is supported when podFailurePolicy is specified')]
    : [];
}

function updateCauses({ spec }: Job, old: Job): readonly Cause[] {
  return [
    ...completionCauses(spec, old.spec),
    ...immutable('spec.selector', spec.selector, old.spec.selector),
    ...templateChangeCauses(spec, old),
    ...immutable('spec.completionMode', spec.completionMode, old.spec.completionMode),
    ...immutable('spec.podFailurePolicy', spec.podFailurePolicy, old.spec.podFailurePolicy),
    ...immutable('spec.backoffLimitPerIndex', spec.backoffLimitPerIndex, old.spec.backoffLimitPerIndex),
    ...immutable('spec.managedBy', spec.managedBy, old.spec.managedBy),
    ...immutable('spec.successPolicy', spec.successPolicy, old.spec.successPolicy),
  ];
}

/** Indexed jobs may grow and shrink when completions and parallelism change together. */
function completionCauses(spec: JobSpec, old: JobSpec): readonly Cause[] {
  if (isDeepStrictEqual(spec.completions, old.completions)) return [];
  const field = 'spec.completions';
  if (spec.completionMode !== 'Indexed') return immutable(field, spec.completions, old.completions);
  return spec.completions === spec.parallelism
    ? []
    : [invalid(field, spec.completions, 'can only be modified in tandem with spec.parallelism')];
}

/** What places a pod may change while a suspended job has not started. */
function templateChangeCauses(spec: JobSpec, { spec: old, status }: Job): readonly Cause[] {
  const open = old.suspend === true && status?.startTime === undefined;
  const { nodeSelector, affinity, tolerations, schedulingGates } = old.template.spec;
  const placed = { nodeSelector, affinity, tolerations, schedulingGates };
  const template = open
    ? {
        ...spec.template,
        metadata: {
          ...spec.template.metadata,
          labels: old.template.metadata?.labels,
          annotations: old.template.metadata?.annotations,
        },
        spec: { ...spec.template.spec, ...placed },
      }
    : spec.template;
  const same = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  return isDeepStrictEqual(same(template), same(old.template))
    ? []
    : [invalid('spec.template', spec.template, 'field is immutable')];
}
