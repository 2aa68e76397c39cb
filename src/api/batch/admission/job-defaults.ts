/** Defaults of Jobs. k8s.io/kubernetes/pkg/apis/batch/v1/defaults.go, pkg/registry/batch/job strategy.go. */
import { withTemplateDefaults } from '../../core/admission/pod-template-rules.ts';
import type { AdmissionRequest } from '../../kind.ts';
import type { Job, JobSpec } from '../job.ts';

const uidLabel = 'batch.kubernetes.io/controller-uid';

export function withJobDefaults({ object, operation, subresource }: AdmissionRequest<Job>): Job {
  if (subresource !== undefined || operation === 'DELETE') return object;
  const spec = withNumbers({ ...object.spec, template: withTemplateDefaults(object.spec.template) });
  if (operation !== 'CREATE') return withTemplateLabels({ ...object, spec });
  return withTemplateLabels({
    ...object,
    spec: spec.manualSelector === true ? spec : withSelector(spec, object),
    status: {},
  });
}

/** A job without labels has its pods', those that the server gives them too. */
function withTemplateLabels(job: Job): Job {
  const { labels: own = {} } = job.metadata;
  const labels = job.spec.template.metadata?.labels;
  return Object.keys(own).length > 0 || labels === undefined
    ? job
    : { ...job, metadata: { ...job.metadata, labels } };
}

function withNumbers(spec: JobSpec): JobSpec {
  const single = spec.completions === undefined && spec.parallelism === undefined;
  return {
    ...spec,
    ...(single ? { completions: 1 } : {}),
    parallelism: spec.parallelism ?? 1,
    backoffLimit: spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1),
    podReplacementPolicy:
      spec.podReplacementPolicy ?? (spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'),
  };
}

/** A selector that no other job has: the job's own UID. */
function withSelector(spec: JobSpec, { metadata: { name, uid = '' } }: Job): JobSpec {
  const { metadata } = spec.template;
  const names = {
    [uidLabel]: uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
  const labels = { ...metadata?.labels, ...names };
  const given = spec.selector?.matchLabels;
  return {
    ...spec,
    selector: { ...spec.selector, matchLabels: { ...given, [uidLabel]: uid } },
    template: { ...spec.template, metadata: { ...metadata, labels } },
  };
}
