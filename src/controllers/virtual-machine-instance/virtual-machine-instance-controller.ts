/** Gives every VMI its launcher pod, and tells in its status what becomes of it. */
import { type Pod, pod } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { setCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { ApiError, isConflict, isNotFound, messageOf } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { Expectations } from '../expectations.ts';
import { composeLauncherPod, createdByLabel, podGracePeriod } from './launcher-pod.ts';
import { nadKey } from './networks.ts';
import { syncVirtualMachineInstance, type VmiPlan } from './sync.ts';

/** What the controller is made with, besides the common parts. */
export interface VmiControllerDeps extends ControllerDeps {
  /** Image of the launcher, where a kubelet runs it. */
  readonly launcherImage?: string;
}

const nodeNameLabel = 'kubevirt.io/nodeName';
const defaultLauncherImage = 'patchbay/launcher';

/** The VirtualMachineInstance controller. */
export function createVmiController(factory: InformerFactory, deps: VmiControllerDeps): Controller {
  const vmis = factory.informer(virtualMachineInstance, {
    indexes: { nad: (vmi) => nadsOf(vmi) },
  });
  const pods = factory.informer(pod, {
    indexes: {
      createdBy: ({ metadata }) => [metadata.labels?.[createdByLabel] ?? ''].filter((uid) => uid !== ''),
    },
  });
  const nads = factory.informer(networkAttachmentDefinition);
  const loop = new VmiLoop(factory, deps, vmis, pods);
  return {
    name: 'virtual-machine-instance',
    workers: 8,
    sources: [
      source(vmis, ({ type, object }) => {
        if (type === 'deleted') {
          loop.forget(keyOf(object));
        }
        return [keyOf(object)];
      }),
      source(pods, ({ object }) => ownerKeys(object)),
      source(nads, ({ object }) => vmis.byIndex('nad', keyOf(object)).map(keyOf)),
    ],
    reconcile: (key) =>
      loop.reconcile(key, {
        find: (name) => nads.get(name),
        names: (namespace) => nads.list(namespace).map(({ metadata }) => metadata.name),
      }),
  };
}

interface Nads {
  readonly find: Parameters<typeof syncVirtualMachineInstance>[0]['lookupNad'];
  readonly names: (namespace: string) => readonly string[];
}

class VmiLoop {
  readonly #factory: InformerFactory;
  readonly #deps: VmiControllerDeps;
  readonly #vmis: Informer<VirtualMachineInstance>;
  readonly #pods: Informer<Pod>;
  /** Pods made that the informer has not shown yet: without them a quick second pass would make a second pod. */
  readonly #expected: Expectations<Pod>;
  readonly #told = new Map<string, string>();

  constructor(
    factory: InformerFactory,
    deps: VmiControllerDeps,
    vmis: Informer<VirtualMachineInstance>,
    pods: Informer<Pod>,
  ) {
    this.#factory = factory;
    this.#deps = deps;
    this.#vmis = vmis;
    this.#pods = pods;
    this.#expected = new Expectations(pods, deps.clock);
  }

  forget(key: string): void {
    this.#told.delete(key);
  }

  async reconcile(key: string, nads: Nads): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const vmi = this.#vmis.get({ namespace, name });
    if (vmi === undefined) {
      return;
    }
    const uid = vmi.metadata.uid ?? '';
    const seen = this.#pods.byIndex('createdBy', uid).filter((one) => one.metadata.namespace === namespace);
    const pods = this.#expected.complete(uid, seen);
    const plan = syncVirtualMachineInstance({
      vmi,
      pods,
      lookupNad: nads.find,
      knownNads: nads.names,
      now: this.#deps.clock.now(),
    });
    this.#warn(key, vmi, plan);
    await this.#carryOut(vmi, plan);
    return plan.requeueAfter === undefined ? undefined : { requeueAfter: plan.requeueAfter };
  }

  async #carryOut(vmi: VirtualMachineInstance, plan: VmiPlan): Promise<void> {
    const { client } = this.#factory;
    if (plan.finalizers !== undefined) {
      await this.#writeFinalizers(vmi, plan.finalizers);
    }
    for (const one of plan.deletePods) {
      const { uid, name, namespace } = one.metadata;
      const options = {
        gracePeriodSeconds: podGracePeriod(vmi),
        ...(uid === undefined ? {} : { preconditions: { uid } }),
      };
      await client.delete(pod, { name, namespace }, options).catch(ignoreGone);
    }
    await this.#writeStatus(vmi, await this.#withPod(vmi, plan));
  }

  /** Makes the pod when one is asked for; a refusal becomes a condition, and the pass is tried again. */
  async #withPod(vmi: VirtualMachineInstance, plan: VmiPlan): Promise<VmiPlan> {
    if (plan.createPod === undefined) {
      return plan;
    }
    const wanted = composeLauncherPod(vmi, plan.createPod, this.#deps.launcherImage ?? defaultLauncherImage);
    try {
      this.#expected.add(vmi.metadata.uid ?? '', await this.#factory.client.create(pod, wanted));
      return plan;
    } catch (error) {
      if (!(error instanceof ApiError)) {
        throw error;
      }
      const message = `The launcher pod was refused: ${messageOf(error)}`;
      this.#deps.events.event(referable(virtualMachineInstance, vmi), 'Warning', 'FailedCreate', message);
      const claim = { type: 'Synchronized', status: 'False', reason: 'FailedCreate', message } as const;
      const conditions = setCondition(plan.status.conditions, claim, this.#deps.clock.now());
      await this.#writeStatus(vmi, { ...plan, status: { ...plan.status, conditions } });
      throw error;
    }
  }

  /** One patch: status and the node's label together. */
  async #writeStatus(vmi: VirtualMachineInstance, { status, nodeLabel }: VmiPlan): Promise<void> {
    const unlabelled = nodeLabel !== undefined && vmi.metadata.labels?.[nodeNameLabel] !== nodeLabel;
    const metadata = unlabelled ? { labels: { [nodeNameLabel]: nodeLabel } } : undefined;
    const patch = statusPatch(vmi.status, status);
    if (patch === undefined && metadata === undefined) {
      return;
    }
    const { name, namespace } = vmi.metadata;
    const key = { name, namespace };
    const both = statusPatch(vmi.status, status, { metadata, resourceVersion: vmi.metadata.resourceVersion });
    if (patch !== undefined && both !== undefined) {
      const written = await this.#factory.client
        .patch(virtualMachineInstance, key, both, { subresource: 'status' })
        .catch(ignoreGone);
      if (
        written === undefined ||
        metadata === undefined ||
        written.metadata.labels?.[nodeNameLabel] === nodeLabel
      ) {
        return;
      }
    }
    // A server that takes no labels through the status subresource (Kubernetes) is told separately.
    await this.#factory.client
      .patch(virtualMachineInstance, key, { type: 'merge', body: { metadata } })
      .catch(ignoreGone);
  }

  async #writeFinalizers(vmi: VirtualMachineInstance, finalizers: readonly string[]): Promise<void> {
    const { name, namespace, resourceVersion } = vmi.metadata;
    // Finalizers are a list and replaced whole: the version keeps another's from being lost.
    const body = { metadata: { finalizers, resourceVersion } };
    await this.#factory.client
      .patch(virtualMachineInstance, { name, namespace }, { type: 'merge', body })
      .catch(ignoreGone);
  }

  #warn(key: string, vmi: VirtualMachineInstance, { warning }: VmiPlan): void {
    if (warning !== undefined && this.#told.get(key) !== warning.message) {
      const { reason, message } = warning;
      this.#deps.events.event(referable(virtualMachineInstance, vmi), 'Warning', reason, message);
      this.#told.set(key, message);
    } else if (warning === undefined) {
      this.#told.delete(key);
    }
  }
}

function nadsOf(vmi: VirtualMachineInstance): readonly string[] {
  return (vmi.spec.networks ?? []).flatMap(({ multus }) => {
    if (multus === undefined) {
      return [];
    }
    const { name, namespace } = nadKey(multus.networkName, vmi.metadata.namespace ?? '');
    return [`${namespace}/${name}`];
  });
}

function ownerKeys({ metadata }: Pod): readonly string[] {
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === virtualMachineInstance.kind);
  return owner === undefined ? [] : [`${metadata.namespace ?? ''}/${owner.name}`];
}

function ignoreGone(error: unknown): undefined {
  if (isNotFound(error)) {
    return undefined;
  }
  // A precondition that fails means another object of the name: the informer tells of it.
  if (isConflict(error) && error instanceof ApiError && error.message.includes('recondition')) {
    return undefined;
  }
  throw error;
}
