/** One pass over one pod of this node: sandbox, guest, status; and their end. Keys are pod UIDs. */
import { type Pod, pod } from '#api/core/pod.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { parsePodNetwork, podNetworksAnnotation } from '#cni/ovn-overlay.ts';
import type { VmInfo } from '#drivers/qemu/driver.ts';
import type { ReconcileResult } from '#machinery/controller.ts';
import { isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import { NODE } from '#node-state/resource.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import { composeSandbox, ovnPorts, type Sandbox } from './compose-sandbox.ts';
import { begun, composeVm } from './compose-vm.ts';
import { gatherInputs } from './machine-inputs.ts';
import { type PodState, podPatch } from './report-pod.ts';
import { vmiPatch } from './report-vmi.ts';
import { requestedNetworks } from './requested-networks.ts';
import { byUid, createdByLabel, type SandboxDeps } from './sandbox-deps.ts';
import { endingOf, failureOf, isAwaited, lookAgainMs, lost } from './sandbox-outcome.ts';
import { type NetworkStatus, networkStatusAnnotation, parseNetworkStatus } from './selection.ts';
import { throwFailures } from './world.ts';

/** Seconds a launcher pod has beyond its guest's own grace period. */
const launcherGraceMs = 15_000;
/** A guest that still boots does not hear its power button: it is pressed again until the guest is off. */
const pressAgainMs = 1000;

/** Brings pods' sandboxes and guests to what the API says. */
export class SandboxLoop {
  readonly #deps: SandboxDeps;
  /** Pods whose guest ended: the informer may still show them as running. */
  readonly #ended = new Set<string>();
  /** Pods that were deleted for good: the informer may still show them. */
  readonly #gone = new Set<string>();
  /** Warnings already told, by VMI and text. */
  readonly #told = new Set<string>();

  constructor(deps: SandboxDeps) {
    this.#deps = deps;
  }

  async reconcile(uid: string): Promise<ReconcileResult | undefined> {
    const found = this.#deps.pods.byIndex(byUid, uid)[0];
    if (found === undefined) {
      this.#ended.delete(uid);
      this.#gone.delete(uid);
      await this.#deps.plain.remove(uid);
      return this.#remove(uid);
    }
    if (this.#gone.has(uid)) {
      return undefined;
    }
    if (found.metadata.deletionTimestamp !== undefined) {
      return this.#terminate(found);
    }
    const isOver = found.status?.phase === 'Succeeded' || found.status?.phase === 'Failed';
    if (isOver || this.#ended.has(uid)) {
      await this.#deps.plain.settle(uid);
      return this.#remove(uid);
    }
    if (found.spec.hostNetwork === true) {
      return this.#deps.plain.run(found, { netns: NODE, networks: [] });
    }
    return this.#run(found);
  }

  /** Everything of a pod that is over or gone. */
  async #remove(uid: string): Promise<undefined> {
    const netns = this.#netns(uid);
    for (const vm of this.#machines(uid)) {
      this.#deps.guests.forget(vm.uid);
    }
    throwFailures(await this.#deps.world.reconcile(netns, []));
    return undefined;
  }

  /** Presses the power button and waits as long as the pod's grace period allows; then nothing is left and the pod goes. */
  async #terminate(found: Pod): Promise<ReconcileResult | undefined> {
    const { uid = '', name, namespace } = found.metadata;
    const wait = Math.max(await this.#shutDown(found), await this.#deps.plain.terminate(found));
    if (wait > 0) {
      return { requeueAfter: wait };
    }
    await this.#deps.plain.remove(uid);
    await this.#remove(uid);
    try {
      await this.#deps.client.delete(
        pod,
        { name, namespace },
        { gracePeriodSeconds: 0, preconditions: { uid } },
      );
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    this.#gone.add(uid);
    return undefined;
  }

  /** Milliseconds to wait for the guest; 0 when it is off. */
  async #shutDown(found: Pod): Promise<number> {
    const vm = this.#machines(found.metadata.uid ?? '')[0];
    const info = vm === undefined ? undefined : await this.#deps.vm.info(vm.uid);
    if (vm === undefined || info?.status !== 'running') {
      return 0;
    }
    const due = Date.parse(found.metadata.deletionTimestamp ?? '') - launcherGraceMs - this.#deps.clock.now();
    if (due <= 0) {
      await this.#deps.vm.kill(vm.uid);
      return 0;
    }
    await this.#deps.vm.powerdown(vm.uid);
    return Math.min(due, pressAgainMs);
  }

  async #run(found: Pod): Promise<ReconcileResult | undefined> {
    const vmiUid = found.metadata.labels?.[createdByLabel];
    const vmi = vmiUid === undefined ? undefined : this.#deps.vmis.byIndex(byUid, vmiUid)[0];
    const annotation = found.metadata.annotations?.[podNetworksAnnotation];
    if (annotation === undefined) return this.#begin(found);
    if (vmiUid !== undefined && vmi === undefined) return undefined;
    try {
      // First: of a guest that is gone nobody needs the network, which may not be there (yet, after a restart of the node).
      if (vmi !== undefined && (await this.#finish(found))) {
        return undefined;
      }
      const podNetwork = parsePodNetwork(annotation, 'default');
      if (podNetwork === undefined) {
        return undefined;
      }
      const sandbox = composeSandbox({
        pod: found,
        netns: this.#netns(found.metadata.uid ?? ''),
        node: this.#deps.facts(),
        podNetwork,
        networks: requestedNetworks(found, this.#deps.nads),
        ...(vmi !== undefined && { guest: { vmi, settings: this.#deps.settings } }),
      });
      if (vmi === undefined) {
        return await this.#runPlain(found, sandbox);
      }
      await this.#runGuest(found, vmi, sandbox);
    } catch (error) {
      await this.#tell(found, error);
      if (isAwaited(error)) {
        return { requeueAfter: lookAgainMs };
      }
      throw error;
    }
    return undefined;
  }

  /** The namespace alone, while the fabric finds addresses for the pod: the kernel may take its time over it. */
  async #begin(found: Pod): Promise<undefined> {
    const netns = this.#netns(found.metadata.uid ?? '');
    if (this.#deps.world.observed(netns).length === 0) {
      throwFailures(await this.#deps.world.reconcile(netns, [{ kind: 'netns', netns }]));
    }
  }

  async #runPlain(found: Pod, sandbox: Sandbox): Promise<ReconcileResult | undefined> {
    const netns = this.#netns(found.metadata.uid ?? '');
    throwFailures(await this.#deps.world.reconcile(netns, sandbox.resources));
    await this.#awaitPorts(found, sandbox);
    return this.#deps.plain.run(found, { netns, networks: sandbox.status });
  }

  async #runGuest(found: Pod, vmi: VirtualMachineInstance, sandbox: Sandbox): Promise<void> {
    const uid = found.metadata.uid ?? '';
    const netns = this.#netns(uid);
    const known = this.#machines(uid)[0];
    // QEMU takes longer to start than the network to be made: both at the same time, and the guest begins after them.
    const present = known ?? { ...(await this.#compose(vmi, netns, sandbox)), held: true };
    throwFailures(await this.#deps.world.reconcile(netns, [...sandbox.resources, present]));
    const vm = begun(present, sandbox.nics);
    throwFailures(await this.#deps.world.reconcile(netns, [...sandbox.resources, vm]));
    const info = await this.#deps.vm.info(vm.uid);
    if (info?.status === 'running' || info?.status === 'paused') {
      // The guest boots meanwhile.
      await this.#awaitPorts(found, sandbox);
      await this.#report(found, vmi, sandbox, vm, info);
    }
  }

  /** A pod is not told to run before OVN carries its traffic. */
  async #awaitPorts(found: Pod, sandbox: Sandbox): Promise<void> {
    if (found.status?.phase !== 'Running') {
      await this.#deps.portsBound?.(ovnPorts(sandbox.resources));
    }
  }

  /** Clears up after a guest that ended; false while it goes on. */
  async #finish(found: Pod): Promise<boolean> {
    const uid = found.metadata.uid ?? '';
    const ended = await this.#ending(found, this.#machines(uid)[0]);
    if (ended === undefined) {
      return false;
    }
    await this.#patchPod(found, undefined, ended);
    this.#ended.add(uid);
    await this.#remove(uid);
    return true;
  }

  /** A guest that powered off, crashed, or was lost with the machine it ran on. */
  async #ending(found: Pod, vm: VirtualMachineState | undefined): Promise<PodState | undefined> {
    if (vm === undefined) {
      return found.status?.phase === 'Running' ? lost : undefined;
    }
    return endingOf((await this.#deps.vm.info(vm.uid))?.status);
  }

  async #compose(vmi: VirtualMachineInstance, netns: string, sandbox: Sandbox): Promise<VirtualMachineState> {
    const { warnings, ...inputs } = await gatherInputs(vmi, this.#deps.images, this.#deps.client);
    for (const warning of warnings) {
      const id = `${vmi.metadata.uid} ${warning}`;
      if (!this.#told.has(id)) {
        this.#told.add(id);
        this.#deps.events.event(
          referable(virtualMachineInstance, vmi),
          'Warning',
          'ImageSubstituted',
          warning,
        );
      }
    }
    return composeVm({ vmi, netns, accelerator: this.#deps.accelerator, nics: sandbox.nics, ...inputs });
  }

  /** Pod and VMI are told at the same time; who comes second finds nothing changed in the first one's object. */
  async #report(
    found: Pod,
    vmi: VirtualMachineInstance,
    sandbox: Sandbox,
    vm: VirtualMachineState,
    info: VmInfo,
  ): Promise<void> {
    const patch = vmiPatch({
      vmi,
      vm,
      status: info.status === 'paused' ? 'paused' : 'running',
      guest: this.#deps.guests.view(vm.uid) ?? (info.agentConnected ? 'pending' : undefined),
      networks: sandbox.status,
      now: this.#deps.clock.now(),
    });
    const { name, namespace } = vmi.metadata;
    const toVmi =
      patch === undefined
        ? undefined
        : this.#deps.client.patch(virtualMachineInstance, { name, namespace }, patch, {
            subresource: 'status',
          });
    await Promise.all([
      this.#patchPod(found, sandbox.status, {
        type: 'running',
        startedAt: info.startedAt.replace(/\.\d+Z$/, 'Z'),
      }),
      toVmi?.catch(ignoreGone),
    ]);
    if (vmi.status?.phase !== 'Running') {
      this.#deps.events.event(
        referable(virtualMachineInstance, vmi),
        'Normal',
        'Started',
        'VirtualMachineInstance started.',
      );
    }
  }

  /** What went wrong, as an event and in the pod's status. */
  async #tell(found: Pod, error: unknown): Promise<void> {
    if (!(error instanceof PatchbayError) || error.name === 'ApiError') {
      return;
    }
    const { event, state } = failureOf(error);
    this.#deps.events.event(referable(pod, found), 'Warning', event, `${error.reason}: ${messageOf(error)}`);
    if (found.status?.phase === 'Running') {
      // The guest goes on; only its surroundings could not be mended.
      return;
    }
    const networks = parseNetworkStatus(found.metadata.annotations?.[networkStatusAnnotation]);
    if (found.metadata.labels?.[createdByLabel] === undefined) {
      await this.#deps.plain.hold(found, state, networks.length === 0 ? undefined : networks);
      return;
    }
    await this.#patchPod(found, networks.length === 0 ? undefined : networks, state);
  }

  async #patchPod(
    found: Pod,
    networks: readonly NetworkStatus[] | undefined,
    state: PodState,
  ): Promise<void> {
    const { name, namespace } = found.metadata;
    const patch = podPatch({
      pod: found,
      state,
      hostIPs: this.#deps.nodeAddresses,
      networks,
      now: this.#deps.clock.now(),
    });
    if (patch !== undefined) {
      await this.#deps.client
        .patch(pod, { name, namespace }, patch, { subresource: 'status' })
        .catch(ignoreGone);
    }
  }

  #machines(podUid: string): readonly VirtualMachineState[] {
    return this.#deps.world.observed(this.#netns(podUid)).filter((resource) => resource.kind === 'vm');
  }

  #netns(uid: string): string {
    return `${this.#deps.sandboxPrefix}${uid}`;
  }
}

/** The object went away meanwhile: the informer tells, and the next pass cleans up. */
function ignoreGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
  return undefined;
}
