/** What a controller's object was before: for `kubectl rollout history` and `undo`. k8s.io/kubernetes/pkg/apis/apps. */
import { required } from '../cause.ts';
import { ageColumn } from '../columns.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { immutable, nonNegative } from '../number-rules.ts';
import { anyObject, int64, object, type TypeOf } from '../schema.ts';

const schema = object(
  {
    data: anyObject('The state: a patch that brings it back.'),
    revision: int64('Grows with each change; the highest is the present one.'),
  },
  ['revision'],
  'An earlier state of a controller, or the present one.',
);

/** An earlier state of a controller, or the present one. */
export type ControllerRevision = KubeObject & TypeOf<typeof schema>;

export const controllerRevision: KindDefinition<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  singular: 'controllerrevision',
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Controller',
      type: 'string',
      description: 'Whose state it is.',
      value: ({ metadata }) => controllerText(metadata),
    },
    {
      name: 'Revision',
      type: 'integer',
      description: 'Its number.',
      value: ({ revision }: ControllerRevision) => revision,
    },
    ageColumn,
  ],
  validate,
};

/** `daemonset.apps/NAME`, as kubectl names objects. */
function controllerText({ ownerReferences }: KubeObject['metadata']): string {
  const controller = ownerReferences?.find((one) => one.controller === true);
  if (controller === undefined) {
    return '<none>';
  }
  const [group = '', version] = controller.apiVersion.split('/');
  const kind = controller.kind.toLowerCase();
  return `${kind}${version === undefined ? '' : `.${group}`}/${controller.name}`;
}

function validate({ object, old, operation }: AdmissionRequest<ControllerRevision>): readonly Cause[] {
  if (operation === 'DELETE') return [];
  return [
    ...(object.data === undefined ? [required('data', 'data is mandatory')] : []),
    ...nonNegative('revision', object.revision),
    ...(old === undefined ? [] : immutable('data', object.data, old.data)),
  ];
}
