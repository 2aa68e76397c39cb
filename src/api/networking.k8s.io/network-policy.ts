import { ageColumn } from '../columns.ts';
import { labelSelector } from '../core/label-selector.ts';
import type { AdmissionRequest, KindDefinition } from '../kind.ts';
import { selectorCell } from '../label-rules.ts';
import type { KubeObject } from '../meta.ts';
import { array, int32, intOrString, object, oneOf, string, type TypeOf } from '../schema.ts';
import { networkPolicyCauses } from './network-policy-rules.ts';

const atomic = { 'x-kubernetes-list-type': 'atomic' } as const;

const port = object({
  protocol: oneOf(['SCTP', 'TCP', 'UDP'], 'Transport protocol.', { default: 'TCP' }),
  port: intOrString('Number or name of a port; all when absent.'),
  endPort: int32('Last port of a range that starts at port.'),
});
const ports = array(port, 'Ports traffic may go to; all when empty.', atomic);

const peer = object({
  podSelector: labelSelector,
  namespaceSelector: labelSelector,
  ipBlock: object(
    {
      cidr: string('Range, such as 192.168.1.0/24.'),
      except: array(string(), 'Ranges inside it that are left out.', atomic),
    },
    ['cidr'],
    'A range of addresses.',
  ),
});
const peers = (description: string) => array(peer, description, atomic);

const spec = object(
  {
    podSelector: { ...labelSelector, default: {} },
    ingress: array(
      object({ from: peers('Who may send; everybody when empty.'), ports }),
      'Traffic that may come in.',
      atomic,
    ),
    egress: array(
      object({ to: peers('Whom to send to; everybody when empty.'), ports }),
      'Traffic that may go out.',
      atomic,
    ),
    policyTypes: array(oneOf(['Egress', 'Ingress']), 'Directions it is about.', atomic),
  },
  [],
  'Pods and the traffic they may have.',
);

const schema = object({ spec }, [], 'Says which traffic pods may have.');

/** Says which traffic pods may have. */
export type NetworkPolicy = KubeObject & TypeOf<typeof schema>;
export type NetworkPolicySpec = TypeOf<typeof spec>;
export type NetworkPolicyPort = TypeOf<typeof port>;
export type NetworkPolicyPeer = TypeOf<typeof peer>;

export const networkPolicy: KindDefinition<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  plural: 'networkpolicies',
  singular: 'networkpolicy',
  shortNames: ['netpol'],
  namespaced: true,
  builtin: true,
  schema,
  columns: [
    {
      name: 'Pod-Selector',
      type: 'string',
      description: 'Selects the pods it is about.',
      value: ({ spec }: NetworkPolicy) => selectorCell(spec?.podSelector),
    },
    ageColumn,
  ],
  mutate: withDefaults,
  validate: networkPolicyCauses,
};

/** Ingress always, Egress when there are rules for it. */
function withDefaults({ object, operation }: AdmissionRequest<NetworkPolicy>): NetworkPolicy {
  if (operation === 'DELETE') return object;
  const { policyTypes = [], egress = [] } = object.spec ?? {};
  if (policyTypes.length > 0) return object;
  const types = egress.length > 0 ? (['Ingress', 'Egress'] as const) : (['Ingress'] as const);
  return { ...object, spec: { podSelector: {}, ...object.spec, policyTypes: types } };
}
