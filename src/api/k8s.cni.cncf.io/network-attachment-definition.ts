import { ageColumn } from '../columns.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { object, string, type TypeOf } from '../schema.ts';

const schema = object(
  {
    spec: object(
      { config: string('CNI configuration as JSON text: one plug-in, or a list under "plugins".') },
      [],
      'How a pod or virtual machine is attached.',
    ),
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
  columns: [ageColumn],
};
