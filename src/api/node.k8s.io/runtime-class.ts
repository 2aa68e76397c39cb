import { invalid, required } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import { tolerations } from '../core/affinity.ts';
import { quantities } from '../core/resources.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import { labelsCauses } from '../label-rules.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { dnsLabelProblem } from '../names.ts';
import { immutable } from '../number-rules.ts';
import { quantityCauses } from '../quantity.ts';
import { map, object, string, type TypeOf } from '../schema.ts';

const schema = object(
  {
    handler: string('Configuration of the container runtime that runs its pods.'),
    overhead: object({ podFixed: quantities('Resources of the sandbox itself.') }),
    scheduling: object({
      nodeSelector: map(string(), 'Labels of the nodes that have it.', { 'x-kubernetes-map-type': 'atomic' }),
      tolerations,
    }),
  },
  ['handler'],
  'A way to run containers.',
);

/** A way to run containers. */
export type RuntimeClass = KubeObject & TypeOf<typeof schema>;

export const runtimeClass: KindDefinition<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  plural: 'runtimeclasses',
  singular: 'runtimeclass',
  namespaced: false,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Handler',
      type: 'string',
      description: 'Configuration of the container runtime.',
      value: ({ handler }: RuntimeClass) => handler,
    },
    ageColumn,
  ],
  validate,
};

/** k8s.io/kubernetes/pkg/apis/node/validation. */
function validate({ object, old, operation }: AdmissionRequest<RuntimeClass>): readonly Cause[] {
  if (operation === 'DELETE') return [];
  const problem = dnsLabelProblem(object.handler);
  const missing = object.handler === '';
  return [
    ...(missing ? [required('handler', '')] : []),
    ...(problem === undefined || missing ? [] : [invalid('handler', object.handler, problem)]),
    ...Object.entries(object.overhead?.podFixed ?? {}).flatMap(([name, amount]) =>
      quantityCauses(`overhead.podFixed[${name}]`, amount),
    ),
    ...labelsCauses('scheduling.nodeSelector', object.scheduling?.nodeSelector),
    ...(old === undefined ? [] : immutable('handler', object.handler, old.handler)),
  ];
}
