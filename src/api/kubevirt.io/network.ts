/** `spec.networks[]`: what a card is connected to. */
import { boolean, object, string, type TypeOf } from '../schema.ts';

export const vmiNetwork = object(
  {
    name: string('Name; the interface of the same name is on it.'),
    pod: object(
      {
        vmNetworkCIDR: string('IPv4 range of the guest behind masquerade; 10.0.2.0/24 when empty.'),
        vmIPv6NetworkCIDR: string('IPv6 range of the guest behind masquerade; fd10:0:2::/120 when empty.'),
      },
      [],
      'The default pod network.',
    ),
    multus: object(
      {
        networkName: string('NetworkAttachmentDefinition, as <name> or <namespace>/<name>.'),
        default: boolean('Takes the place of the pod network.'),
      },
      ['networkName'],
      'A secondary network.',
    ),
    resourceClaim: object({
      claimName: string('Name of an entry of resourceClaims.'),
      requestName: string('Request in it.'),
    }),
  },
  ['name'],
  'A network of the virtual machine.',
);
export type VmiNetwork = TypeOf<typeof vmiNetwork>;
