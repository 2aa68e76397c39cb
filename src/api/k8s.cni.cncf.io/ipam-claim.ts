import { ageColumn } from '../columns.ts';
import { conditions } from '../core/condition.ts';
import type { KindDefinition } from '../kind.ts';
import type { KubeObject } from '../meta.ts';
import { array, object, string, type TypeOf } from '../schema.ts';

const immutable = { 'x-kubernetes-validations': [{ rule: 'self == oldSelf', message: 'spec is immutable' }] };

const schema = object(
  {
    spec: object(
      {
        network: string("OVN's name of the network."),
        interface: string("Name of the pod's end."),
      },
      ['network', 'interface'],
      'Whose addresses are kept.',
      immutable,
    ),
    status: object({
      ips: array(string(), 'Addresses with prefix length.'),
      ownerPod: object({ name: string('Name of the pod.') }, ['name'], 'The pod that has them now.'),
      conditions,
    }),
  },
  ['spec'],
  'Addresses on a network that outlive the pods of a virtual machine.',
);

/** Addresses on a network that outlive the pods of a virtual machine. */
export type IpamClaim = KubeObject & TypeOf<typeof schema>;

export const ipamClaim: KindDefinition<IpamClaim> = {
  group: 'k8s.cni.cncf.io',
  version: 'v1alpha1',
  kind: 'IPAMClaim',
  plural: 'ipamclaims',
  singular: 'ipamclaim',
  namespaced: true,
  builtin: false,
  schema,
  subresources: { status: true },
  columns: [
    { name: 'Network', type: 'string', jsonPath: '.spec.network' },
    { name: 'IPs', type: 'string', jsonPath: '.status.ips' },
    ageColumn,
  ],
};
