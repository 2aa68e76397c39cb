/** Keeps every VirtualMachine's instance as its run strategy says, and its status true. */
import { type Node, node } from '#api/core/node.ts';
import {
  type VirtualMachine,
  type VirtualMachineStatus,
  virtualMachine,
  virtualMachineFinalizer,
} from '#api/kubevirt.io/virtual-machine.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { hasCondition } from '#machinery/conditions.ts';
import { type Controller, keyOf, type ReconcileResult, source } from '#machinery/controller.ts';
import type { ControllerDeps } from '#machinery/deps.ts';
import { isConflict, isNotFound, messageOf, PatchbayError } from '#machinery/errors.ts';
import { referable } from '#machinery/events.ts';
import type { Informer, InformerFactory } from '#machinery/informer.ts';
import { statusPatch } from '#machinery/status-patch.ts';
import { Expectations } from '../expectations.ts';
import { decideRun, type RunDecision } from './run-strategy.ts';
import { composeStatus, type StatusInput } from './status.ts';
import { composeVmi } from './template.ts';

/** Milliseconds that `Provisioning` and `Starting` must last to be written: a VM that starts at once saves a write. */
const quietMs = 500;

/** The instance after a pass, and what went wrong. */
interface Outcome {
  readonly vmi?: VirtualMachineInstance | undefined;
  readonly failure?: StatusInput['failure'];
  readonly error?: Error;
}

/** The VirtualMachine controller. */
export function createVmController(factory: InformerFactory, deps: ControllerDeps): Controller {
  const vms = factory.informer(virtualMachine);
  const vmis = factory.informer(virtualMachineInstance, {
    indexes: { node: ({ status }) => (status?.nodeName === undefined ? [] : [status.nodeName]) },
  });
  const nodes = factory.informer(node);
  const loop = new VmLoop(factory, deps, vms, vmis, nodes);
  return {
    name: 'virtual-machine',
    workers: 8,
    sources: [
      source(vms, ({ object }) => [keyOf(object)]),
      source(vmis, ({ object }) => [keyOf(object)]),
      source(nodes, ({ object, old }) =>
        old === undefined || isUnreachable(object) !== isUnreachable(old)
          ? vmis.byIndex('node', object.metadata.name).map(keyOf)
          : [],
      ),
    ],
    reconcile: (key) => loop.reconcile(key),
  };
}

class VmLoop {
  readonly #factory: InformerFactory;
  readonly #deps: ControllerDeps;
  readonly #vms: Informer<VirtualMachine>;
  readonly #vmis: Informer<VirtualMachineInstance>;
  readonly #nodes: Informer<Node>;
  readonly #expected: Expectations<VirtualMachineInstance>;
  /** When a status that may pass quickly was first due, by VM. */
  readonly #heldBack = new Map<string, number>();

  constructor(
    factory: InformerFactory,
    deps: ControllerDeps,
    vms: Informer<VirtualMachine>,
    vmis: Informer<VirtualMachineInstance>,
    nodes: Informer<Node>,
  ) {
    this.#factory = factory;
    this.#deps = deps;
    this.#vms = vms;
    this.#vmis = vmis;
    this.#nodes = nodes;
    this.#expected = new Expectations(vmis, deps.clock);
  }

  async reconcile(key: string): Promise<ReconcileResult | undefined> {
    const [namespace = '', name = ''] = key.split('/');
    const vm = this.#vms.get({ namespace, name });
    if (vm === undefined) {
      this.#heldBack.delete(key);
      return;
    }
    const seen = this.#vmis.get({ namespace, name });
    const [found] = this.#expected.complete(vm.metadata.uid ?? '', seen === undefined ? [] : [seen]);
    const own = found !== undefined && belongsTo(found, vm) ? found : undefined;
    if (vm.metadata.deletionTimestamp !== undefined && own === undefined) {
      return this.#release(vm);
    }
    if (found !== undefined && own === undefined) {
      return this.#refuseStranger(vm, found);
    }
    const now = this.#deps.clock.now();
    const decision = decideRun({ vm, vmi: found, now });
    if (decision.action === 'delete' && found !== undefined) {
      await this.#stop(vm, found, decision, now);
      return decision.requeueAfter === undefined ? undefined : { requeueAfter: decision.requeueAfter };
    }
    const outcome =
      decision.action === 'none'
        ? { vmi: found }
        : await this.#create(vm, decision.action === 'create-paused');
    const held = await this.#write(vm, this.#compose(vm, decision, now, outcome));
    if (outcome.error !== undefined) {
      throw outcome.error;
    }
    const waits = [held, decision.requeueAfter].filter((ms) => ms !== undefined);
    return waits.length === 0 ? undefined : { requeueAfter: Math.min(...waits) };
  }

  #compose(
    vm: VirtualMachine,
    decision: RunDecision,
    now: number,
    { vmi, failure }: Outcome,
  ): VirtualMachineStatus {
    return composeStatus({
      vm,
      vmi,
      decision,
      failure,
      nodeUnreachable: this.#isOnUnreachableNode(vmi),
      now,
    });
  }

  async #create(vm: VirtualMachine, paused: boolean): Promise<Outcome> {
    try {
      const made = await this.#factory.client.create(virtualMachineInstance, composeVmi(vm, paused));
      this.#expected.add(vm.metadata.uid ?? '', made);
      return { vmi: made };
    } catch (error) {
      // Made already (by a pass that crashed, or somebody else): the informer will show it.
      if (isConflict(error) || !(error instanceof PatchbayError)) {
        throw error;
      }
      const failure = { reason: 'FailedCreate', message: `The instance was refused: ${messageOf(error)}` };
      this.#deps.events.event(referable(virtualMachine, vm), 'Warning', failure.reason, failure.message);
      return { failure, error };
    }
  }

  /** The status goes first: the count of failures it holds would be lost with the instance. */
  async #stop(
    vm: VirtualMachine,
    vmi: VirtualMachineInstance,
    decision: RunDecision,
    now: number,
  ): Promise<void> {
    await this.#write(vm, this.#compose(vm, decision, now, { vmi }));
    const { name, namespace, uid, resourceVersion } = vmi.metadata;
    // An instance that was orphaned a moment ago has another version, and stays.
    const isLeaving = vm.metadata.deletionTimestamp !== undefined;
    const preconditions = {
      ...(uid !== undefined && { uid }),
      ...(isLeaving && resourceVersion !== undefined && { resourceVersion }),
    };
    try {
      await this.#factory.client.delete(virtualMachineInstance, { name, namespace }, { preconditions });
    } catch (error) {
      if (isNotFound(error)) {
        return;
      }
      if (!isConflict(error) && error instanceof PatchbayError) {
        const failure = { reason: 'FailedDelete', message: messageOf(error) };
        await this.#write(vm, this.#compose(vm, decision, now, { vmi, failure }));
      }
      throw error;
    }
    const message = `Stopped the virtual machine by deleting the virtual machine instance ${uid ?? name}`;
    this.#deps.events.event(referable(virtualMachine, vm), 'Normal', 'SuccessfulDelete', message);
  }

  /** Lets a VM go whose instance is gone. */
  async #release(vm: VirtualMachine): Promise<undefined> {
    const { name, namespace, resourceVersion, finalizers = [] } = vm.metadata;
    if (!finalizers.includes(virtualMachineFinalizer)) {
      return;
    }
    const left = finalizers.filter((one) => one !== virtualMachineFinalizer);
    // Finalizers are a list and replaced whole: the version keeps another's from being lost.
    const body = { metadata: { resourceVersion, finalizers: left } };
    try {
      await this.#factory.client.patch(virtualMachine, { name, namespace }, { type: 'merge', body });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
  }

  /** A VMI of the VM's name that somebody made by hand is never touched. */
  async #refuseStranger(vm: VirtualMachine, vmi: VirtualMachineInstance): Promise<undefined> {
    const message =
      `A VirtualMachineInstance named ${vmi.metadata.name} exists that does not belong to this VirtualMachine; ` +
      'delete it, or give this VirtualMachine another name.';
    const { status } = vm;
    const decision = {
      action: 'none',
      startFailure: status?.startFailure,
      stateChangeRequests: status?.stateChangeRequests,
    } as const;
    const failure = { reason: 'FailedCreate', message };
    const now = this.#deps.clock.now();
    await this.#write(vm, composeStatus({ vm, decision, failure, nodeUnreachable: false, now }));
  }

  /** Writes the status when it changed. Returns milliseconds to wait when the change may pass by itself. */
  async #write(vm: VirtualMachine, status: VirtualMachineStatus): Promise<number | undefined> {
    const key = keyOf(vm);
    const { name, namespace, resourceVersion } = vm.metadata;
    const patch = statusPatch(vm.status, status, { resourceVersion });
    if (patch === undefined) {
      this.#heldBack.delete(key);
      return undefined;
    }
    const left = status.printableStatus === 'Starting' ? this.#holdBack(key) : 0;
    if (left > 0) {
      return left;
    }
    this.#heldBack.delete(key);
    try {
      await this.#factory.client.patch(virtualMachine, { name, namespace }, patch, { subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
    return undefined;
  }

  #holdBack(key: string): number {
    const now = this.#deps.clock.now();
    const since = this.#heldBack.get(key) ?? now;
    this.#heldBack.set(key, since);
    return quietMs - (now - since);
  }

  #isOnUnreachableNode(vmi: VirtualMachineInstance | undefined): boolean {
    const name = vmi?.status?.nodeName;
    const found = name === undefined ? undefined : this.#nodes.get({ name });
    return found !== undefined && isUnreachable(found);
  }
}

function isUnreachable({ status }: Node): boolean {
  return hasCondition(status?.conditions, 'Ready', 'Unknown');
}

function belongsTo(vmi: VirtualMachineInstance, vm: VirtualMachine): boolean {
  return vmi.metadata.ownerReferences?.some(({ uid }) => uid === vm.metadata.uid) === true;
}
