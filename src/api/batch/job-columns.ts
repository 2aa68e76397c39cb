/** Cells of `kubectl get jobs`. k8s.io/kubernetes/pkg/printers/internalversion printJob. */
import { workloadColumns } from '../apps/workload.ts';
import { ageColumn, humanDuration } from '../columns.ts';
import type { PrinterColumn } from '../kind.ts';
import type { Job } from './job.ts';

export const jobColumns: readonly PrinterColumn[] = [
  { name: 'Status', type: 'string', description: 'Status of the job.', value: statusCell },
  {
    name: 'Completions',
    type: 'string',
    description: 'Pods that succeeded, of all.',
    value: completionsCell,
  },
  { name: 'Duration', type: 'string', description: 'How long it took.', value: durationCell },
  ageColumn,
  ...workloadColumns,
];

function statusCell({ metadata, status }: Job): string {
  const has = (type: string) =>
    status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completionsCell({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const { parallelism = 1 } = spec;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationCell({ status }: Job, now: Date): string {
  if (status?.startTime === undefined) return '';
  const end = status.completionTime === undefined ? now.getTime() : Date.parse(status.completionTime);
  return humanDuration((end - Date.parse(status.startTime)) / 1000);
}
