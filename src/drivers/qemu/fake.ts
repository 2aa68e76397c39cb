import { PatchbayError } from '#machinery/errors.ts';
import type { Netns, Operation, Outcome } from '#node-state/resource.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import type { VmDriver, VmEvent, VmInfo, VmStatus } from './driver.ts';
import { isVmUid, vmPaths } from './paths.ts';
import { restartReason } from './update.ts';

interface FakeMachine {
  vm: VirtualMachineState;
  status: VmStatus;
  agentConnected: boolean;
}

/** A QEMU driver without QEMU: machines are memory, and tests play the guest. */
export class FakeVmDriver implements VmDriver {
  readonly kinds = ['vm'] as const;
  readonly #machines = new Map<string, FakeMachine>();
  readonly #handlers = new Set<(event: VmEvent) => void>();

  onEvent(handler: (event: VmEvent) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  async observe(scope: Netns): Promise<readonly VirtualMachineState[]> {
    return [...this.#machines.values()].map(({ vm }) => vm).filter((vm) => vm.netns === scope);
  }

  async apply(
    operations: readonly Operation<VirtualMachineState>[],
  ): Promise<readonly Outcome<VirtualMachineState>[]> {
    return operations.map((operation) => {
      try {
        this.#carryOut(operation);
        return { operation };
      } catch (error) {
        return { operation, error: error instanceof Error ? error : new Error(String(error)) };
      }
    });
  }

  async info(uid: string): Promise<VmInfo | undefined> {
    const machine = this.#machines.get(uid);
    if (machine === undefined) {
      return undefined;
    }
    const paths = vmPaths('/run/fake', uid, undefined);
    return {
      uid,
      netns: machine.vm.netns,
      status: machine.status,
      pid: machine.status === 'exited' ? 0 : 1,
      startedAt: '2026-01-01T00:00:00.000Z',
      agentConnected: machine.agentConnected,
      agentSocket: paths.agent,
      consoleSocket: paths.console,
      serialLog: paths.serialLog,
    };
  }

  async powerdown(uid: string): Promise<void> {
    this.setStatus(uid, 'shutdown');
  }

  async kill(uid: string): Promise<void> {
    this.setStatus(uid, 'exited');
  }

  async pause(uid: string): Promise<void> {
    this.setStatus(uid, 'paused');
  }

  async resume(uid: string): Promise<void> {
    this.setStatus(uid, 'running');
  }

  async reset(uid: string): Promise<void> {
    const { vm } = this.#machine(uid);
    this.#emit({ type: 'reset', uid, netns: vm.netns });
  }

  async close(): Promise<void> {
    this.#handlers.clear();
  }

  /** Plays the guest or its process. */
  setStatus(uid: string, status: VmStatus): void {
    const machine = this.#machine(uid);
    if (machine.status !== status) {
      machine.status = status;
      machine.agentConnected = machine.agentConnected && status !== 'exited';
      this.#emit({ type: 'status', status, uid, netns: machine.vm.netns });
    }
  }

  /** Plays the guest's agent. */
  setAgent(uid: string, connected: boolean): void {
    const machine = this.#machine(uid);
    if (machine.agentConnected !== connected) {
      machine.agentConnected = connected;
      this.#emit({ type: 'agent', connected, uid, netns: machine.vm.netns });
    }
  }

  #carryOut(operation: Operation<VirtualMachineState>): void {
    if (operation.op === 'create') {
      this.#create(operation.to);
    } else if (operation.op === 'update') {
      this.#update(operation.to);
    } else {
      this.#machines.delete(operation.from.uid);
    }
  }

  #create(vm: VirtualMachineState): void {
    if (!isVmUid(vm.uid)) {
      throw new PatchbayError('InvalidMachine', `uid ${JSON.stringify(vm.uid)} cannot name a directory`, {
        retryable: false,
      });
    }
    const present = this.#machines.get(vm.uid);
    if (present === undefined || present.status === 'exited') {
      const status = vm.paused || vm.held === true ? 'paused' : 'running';
      this.#machines.set(vm.uid, { vm, status, agentConnected: false });
      this.#emit({ type: 'status', status, uid: vm.uid, netns: vm.netns });
    }
  }

  #update(vm: VirtualMachineState): void {
    const machine = this.#machine(vm.uid);
    const reason = restartReason(machine.vm, vm);
    if (reason !== undefined) {
      throw new PatchbayError('RestartRequired', `${vm.name}: ${reason} changes only with a restart`, {
        retryable: false,
      });
    }
    const begins = machine.vm.held === true && vm.held !== true && !vm.paused;
    machine.vm = vm;
    if (begins) {
      this.setStatus(vm.uid, 'running');
    }
  }

  #machine(uid: string): FakeMachine {
    const machine = this.#machines.get(uid);
    if (machine === undefined) {
      throw new PatchbayError('VmNotFound', `no machine with uid ${uid} was launched on this node`);
    }
    return machine;
  }

  #emit(event: VmEvent): void {
    for (const handler of this.#handlers) {
      handler(event);
    }
  }
}
