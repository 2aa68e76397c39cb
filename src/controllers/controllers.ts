import type { Controller } from '#machinery/controller.ts';
import type { InformerFactory } from '#machinery/informer.ts';
import { createIpamClaimController } from './ipam-claim/ipam-claim-controller.ts';
import {
  createNetworkAttachmentDefinitionController,
  type DefinitionDeps,
} from './network-attachment-definition/network-attachment-definition-controller.ts';
import { createNodeNetworkPolicyController } from './node-network-policy/node-network-policy-controller.ts';
import { createUserDefinedNetworkControllers } from './user-defined-network/user-defined-network-controller.ts';
import { createVmController } from './virtual-machine/virtual-machine-controller.ts';
import {
  createVmiController,
  type VmiControllerDeps,
} from './virtual-machine-instance/virtual-machine-instance-controller.ts';

/** Every cluster-wide loop. A new controller is one folder and one line here. */
export function controllers(
  factory: InformerFactory,
  deps: VmiControllerDeps & DefinitionDeps,
): Controller[] {
  return [
    createVmController(factory, deps),
    createVmiController(factory, deps),
    createNodeNetworkPolicyController(factory, deps),
    createIpamClaimController(factory),
    createNetworkAttachmentDefinitionController(factory, deps),
    ...createUserDefinedNetworkControllers(factory, deps),
  ];
}
