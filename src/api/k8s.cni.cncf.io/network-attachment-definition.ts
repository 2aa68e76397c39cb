import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import type { Cause, KubeObject } from '../meta.ts';
import { object, string, type TypeOf } from '../schema.ts';
import { RESOURCE_NAME, resourceNameCauses } from './admission/annotations.ts';
import { validateConfigText } from './admission/definition-config.ts';
import { deletionWarnings, editCauses, ovnWarnings, peerCauses } from './admission/ovn-peers.ts';
import { warnAboutDefinition } from './admission/warnings.ts';

const schema = object(
  {
    spec: object(
      { config: string('CNI configuration as JSON text: one plug-in, or a list under "plugins".') },
      [],
      'How a pod or virtual machine is attached.',
    ),
    status: object({ conditions }, [], 'What is known of an OVN network; upstream has no status.'),
  },
  [],
  'A network that pods and virtual machines can be attached to besides the pod network.',
);

/** A network that pods and virtual machines can be attached to besides the pod network. */
export type NetworkAttachmentDefinition = KubeObject & TypeOf<typeof schema>;

export const networkAttachmentDefinition: KindDefinition<NetworkAttachmentDefinition> = {
  group: 'k8s.cni.cncf.io',
  version: 'v1',
  kind: 'NetworkAttachmentDefinition',
  plural: 'network-attachment-definitions',
  singular: 'network-attachment-definition',
  shortNames: ['net-attach-def'],
  namespaced: true,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [ageColumn],
  validate,
  warn,
};

function validate(request: AdmissionRequest<NetworkAttachmentDefinition>): readonly Cause[] {
  const { object, old, operation, subresource } = request;
  if (operation === 'DELETE' || subresource !== undefined || object.metadata.deletionTimestamp !== undefined)
    return [];
  const { namespace = 'default', name, annotations } = object.metadata;
  const config = object.spec?.config ?? '';
  const definition = { own: `${namespace}/${name}`, hasResource: annotations?.[RESOURCE_NAME] !== undefined };
  const causes = [
    ...resourceNameCauses(object.metadata),
    ...(config === '' ? [] : validateConfigText(config, definition)),
  ];
  return causes.length > 0
    ? causes
    : [...editCauses(object, old, request), ...peerCauses(object, request.list(networkAttachmentDefinition))];
}

function warn(request: AdmissionRequest<NetworkAttachmentDefinition>): readonly string[] {
  if (request.subresource !== undefined) return [];
  if (request.operation === 'DELETE') return deletionWarnings(request.object, request);
  const config = request.object.spec?.config ?? '';
  return config === ''
    ? ['spec.config: empty, so nothing can be attached; write the CNI configuration as JSON text']
    : [
        ...warnAboutDefinition(config, request.object.metadata, request),
        ...ovnWarnings(request.object, request),
      ];
}
