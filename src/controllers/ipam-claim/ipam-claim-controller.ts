/** Keeps an IPAMClaim for each card of a virtual machine whose network's addresses outlive pods. */

import { type IpamClaim, ipamClaim } from '#api/k8s.cni.cncf.io/ipam-claim.ts';
import {
  type NetworkAttachmentDefinition,
  networkAttachmentDefinition,
} from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { ovnNetworkOfText } from '#api/k8s.cni.cncf.io/ovn-network.ts';
import { apiVersionOf } from '#api/kind.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { OwnerReference } from '#api/meta.ts';
import { type Controller, keyOf, source } from '#machinery/controller.ts';
import { isConflict, isNotFound } from '#machinery/errors.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { claimName, nadKey, podInterfaceName } from '../virtual-machine-instance/networks.ts';

/** Label of a claim: its machine. */
const machineLabel = 'kubevirt.io/vm';
/** Keeps a claim while an instance of its machine is there. */
const finalizer = 'kubevirt.io/persistent-ipam';
/** Name of the pod's end of a primary network. */
const primaryInterface = 'ovn-udn1';

/** The controller; keys are those of instances. */
export function createIpamClaimController(factory: InformerFactory): Controller {
  const vmis = factory.informer(virtualMachineInstance);
  const nads = factory.informer(networkAttachmentDefinition);
  const claims = factory.informer(ipamClaim);
  return {
    name: 'ipam-claim',
    sources: [
      source(vmis, ({ object }) => [keyOf(object)]),
      source(nads, ({ object }) => vmis.list(object.metadata.namespace).map(keyOf)),
      source(claims, ({ object }) => [
        `${object.metadata.namespace}/${object.metadata.labels?.[machineLabel]}`,
      ]),
    ],
    async reconcile(key) {
      const [namespace = '', name = ''] = key.split('/');
      const vmi = vmis.get({ namespace, name });
      const wanted =
        vmi === undefined || vmi.metadata.deletionTimestamp !== undefined ? [] : claimsOf(vmi, nads);
      for (const claim of wanted.filter(
        ({ metadata }) => claims.get({ namespace, name: metadata.name }) === undefined,
      )) {
        await factory.client.create(ipamClaim, claim).catch(ignoreThere);
      }
      const isOver = (claim: IpamClaim): boolean =>
        claim.metadata.deletionTimestamp !== undefined &&
        claim.metadata.finalizers?.includes(finalizer) === true;
      const mine = claims.list(namespace).filter(({ metadata }) => metadata.labels?.[machineLabel] === name);
      for (const { metadata } of vmi === undefined ? mine.filter(isOver) : []) {
        const finalizers = (metadata.finalizers ?? []).filter((one) => one !== finalizer);
        const body = { metadata: { finalizers } };
        const at = { namespace, name: metadata.name };
        await factory.client.patch(ipamClaim, at, { type: 'merge', body }).catch(ignoreGone);
      }
      return undefined;
    },
  };
}

/** The claims of an instance's cards. Pure but for its look-ups. */
export function claimsOf(
  vmi: VirtualMachineInstance,
  nads: Pick<Informer<NetworkAttachmentDefinition>, 'get' | 'list'>,
): readonly IpamClaim[] {
  const { namespace = '', name } = vmi.metadata;
  return (vmi.spec.networks ?? []).flatMap(({ name: card, multus, pod }) => {
    const nad =
      multus === undefined
        ? nads.list(namespace).find((one) => ovnNetworkOfText(one.spec?.config)?.role === 'primary')
        : nads.get(nadKey(multus.networkName, namespace));
    const network =
      multus === undefined && pod === undefined ? undefined : ovnNetworkOfText(nad?.spec?.config);
    if (network?.allowPersistentIPs !== true || network.subnets.length === 0) {
      return [];
    }
    return [
      {
        metadata: {
          namespace,
          name: claimName(name, card),
          labels: { [machineLabel]: name },
          finalizers: [finalizer],
          ownerReferences: [ownerOf(vmi)],
        },
        spec: {
          network: network.name,
          interface: multus === undefined ? primaryInterface : podInterfaceName(card),
        },
      },
    ];
  });
}

/** The machine, whose claims stay while it is stopped; the instance when it stands alone. */
function ownerOf({ metadata }: VirtualMachineInstance): OwnerReference {
  const machine = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const { name, uid = '' } = metadata;
  return (
    machine ?? {
      apiVersion: apiVersionOf(virtualMachineInstance),
      kind: virtualMachineInstance.kind,
      name,
      uid,
    }
  );
}

function ignoreThere(error: unknown): undefined {
  if (!isConflict(error)) throw error;
  return undefined;
}

function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
