/** Cells of `kubectl get pods`. */
import type { PrinterColumn } from '../kind.ts';
import type { Pod } from './pod.ts';

export const podColumns: readonly PrinterColumn[] = [
  { name: 'Name', type: 'string', format: 'name', value: (pod: Pod) => pod.metadata.name },
];
