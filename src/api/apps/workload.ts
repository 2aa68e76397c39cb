/** What the kinds of `apps` share. */

import { invalid, required } from '../cause.ts';
import type { PodTemplateSpec } from '../core/pod-template.ts';
import type { PrinterColumn } from '../kind.ts';
import { isEmptySelector, labelSelectorCauses, type SelectorLike, selectorCell } from '../label-rules.ts';
import type { Cause, KubeObject } from '../meta.ts';

/** An object that makes pods of a template. */
export type Workload = KubeObject & {
  readonly spec: { readonly selector?: SelectorLike | undefined; readonly template: PodTemplateSpec };
};

const containersOf = (one: Workload) => one.spec.template.spec.containers;

/** Columns that `-o wide` adds for every workload. */
export const workloadColumns: readonly PrinterColumn[] = [
  {
    name: 'Containers',
    type: 'string',
    description: 'Names of each container in the template.',
    priority: 1,
    value: (one: Workload) =>
      containersOf(one)
        .map(({ name }) => name)
        .join(','),
  },
  {
    name: 'Images',
    type: 'string',
    description: 'Images referenced by each container in the template.',
    priority: 1,
    value: (one: Workload) =>
      containersOf(one)
        .map(({ image }) => image ?? '')
        .join(','),
  },
  {
    name: 'Selector',
    type: 'string',
    description: 'Selects the pods that belong to it.',
    priority: 1,
    value: (one: Workload) => selectorCell(one.spec.selector),
  },
];

/** Checks the selector of a workload; it must be there and say something. */
export function workloadSelectorCauses(selector: SelectorLike | undefined, kind: string): readonly Cause[] {
  if (selector === undefined) return [required('spec.selector', '')];
  return [
    ...labelSelectorCauses('spec.selector', selector),
    ...(isEmptySelector(selector)
      ? [invalid('spec.selector', selector, `empty selector is invalid for ${kind}`)]
      : []),
  ];
}
