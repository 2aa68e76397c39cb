/** The real QEMU driver. */
import { chmod, chown, mkdir, writeFile } from 'node:fs/promises';
import { run } from '#drivers/command.ts';
import { listProcesses } from '#drivers/processes.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { Netns, Operation, Outcome } from '#node-state/resource.ts';
import type { VirtualMachineState, VmDisk, VmSeed } from '#node-state/vm.ts';
import type { VmDriver, VmEvent, VmInfo } from './driver.ts';
import { Machine, type MachineHooks } from './machine.ts';
import { isVmUid, overlayPath, type VmPaths, vmPaths, vmsDirectory } from './paths.ts';
import { isQemuOf, type QemuUser, signal, startTimeOf, waitForExit } from './process.ts';
import { listVmDirectories, makeDirectories, removeDirectories } from './record.ts';
import { restartReason } from './update.ts';

/** How a QEMU driver is made. */
export interface QemuDriverOptions {
  /** The node's run directory; QEMU's user must be able to pass through it (mode x for others). */
  readonly runDir: string;
  readonly qemuUser: QemuUser;
  /** Makes the image of a seed (`composeSeedImage` of the seed driver). */
  readonly seedImage: (seed: VmSeed) => Buffer;
  /** Directory for copy-on-write layers, better on a disk than in memory; default: the machine's run directory. */
  readonly scratchDir?: string;
  readonly log: { warn(message: string): void; info(message: string): void };
}

/** Makes the driver; machines launched by an earlier process are adopted at the first `observe` or `info`. */
export function createQemuDriver(options: QemuDriverOptions): VmDriver {
  return new QemuDriver(options);
}

class QemuDriver implements VmDriver {
  readonly kinds = ['vm'] as const;
  readonly #options: QemuDriverOptions;
  readonly #machines = new Map<string, Machine>();
  readonly #handlers = new Set<(event: VmEvent) => void>();
  readonly #hooks: MachineHooks;
  #adoption: Promise<void> | undefined;

  constructor(options: QemuDriverOptions) {
    this.#options = options;
    this.#hooks = {
      emit: (event) => {
        for (const handler of this.#handlers) {
          handler(event);
        }
      },
      warn: (message) => options.log.warn(message),
    };
  }

  onEvent(handler: (event: VmEvent) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Launched machines of a scope, also those whose process has ended (`info` says so) until they are deleted. */
  async observe(scope: Netns): Promise<readonly VirtualMachineState[]> {
    await this.#adopted();
    return [...this.#machines.values()].map((machine) => machine.vm).filter((vm) => vm.netns === scope);
  }

  async apply(
    operations: readonly Operation<VirtualMachineState>[],
  ): Promise<readonly Outcome<VirtualMachineState>[]> {
    await this.#adopted();
    // Machines do not depend on each other, operations on one machine are in order.
    const chains = new Map<string, Promise<unknown>>();
    return Promise.all(
      operations.map((operation) => {
        const uid = operation.op === 'delete' ? operation.from.uid : operation.to.uid;
        const outcome = (chains.get(uid) ?? Promise.resolve()).then(() => this.#outcome(operation));
        chains.set(uid, outcome);
        return outcome;
      }),
    );
  }

  async info(uid: string): Promise<VmInfo | undefined> {
    await this.#adopted();
    return this.#machines.get(uid)?.describe();
  }

  async powerdown(uid: string): Promise<void> {
    await (await this.#machine(uid)).command('system_powerdown');
  }

  async kill(uid: string): Promise<void> {
    await (await this.#machine(uid)).kill();
  }

  async pause(uid: string): Promise<void> {
    await (await this.#machine(uid)).command('stop');
  }

  async resume(uid: string): Promise<void> {
    await (await this.#machine(uid)).command('cont');
  }

  async reset(uid: string): Promise<void> {
    await (await this.#machine(uid)).command('system_reset');
  }

  async close(): Promise<void> {
    await this.#adoption;
    for (const machine of this.#machines.values()) {
      machine.release();
    }
    this.#machines.clear();
    this.#handlers.clear();
  }

  async #outcome(operation: Operation<VirtualMachineState>): Promise<Outcome<VirtualMachineState>> {
    try {
      await this.#carryOut(operation);
      return { operation };
    } catch (error) {
      return { operation, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  async #carryOut(operation: Operation<VirtualMachineState>): Promise<void> {
    switch (operation.op) {
      case 'create':
        return this.#create(operation.to);
      case 'update':
        return this.#update(operation.to);
      case 'delete':
        return this.#delete(operation.from.uid);
    }
  }

  async #create(vm: VirtualMachineState): Promise<void> {
    const present = this.#machines.get(vm.uid);
    if (present !== undefined && present.status !== 'exited') {
      return;
    }
    const paths = this.#paths(vm.uid);
    if (present !== undefined) {
      await this.#delete(vm.uid);
    }
    await mkdir(vmsDirectory(this.#options.runDir), { recursive: true, mode: 0o711 });
    await chmod(vmsDirectory(this.#options.runDir), 0o711);
    await makeDirectories(paths, this.#options.qemuUser);
    try {
      await this.#makeFiles(vm, paths);
      const machine = await Machine.start(vm, paths, this.#options.qemuUser, this.#hooks);
      this.#machines.set(vm.uid, machine);
      this.#options.log.info(`${vm.name}: QEMU answers`);
      machine.announce();
    } catch (error) {
      await removeDirectories(paths);
      throw error;
    }
  }

  async #makeFiles(vm: VirtualMachineState, paths: VmPaths): Promise<void> {
    const { uid, gid } = this.#options.qemuUser;
    if (vm.seed !== undefined) {
      await writeFile(paths.seed, this.#options.seedImage(vm.seed), { mode: 0o640 });
      await chown(paths.seed, 0, gid);
      await chmod(paths.seed, 0o640);
    }
    for (const [index, disk] of vm.disks.entries()) {
      if (disk.ephemeral && !disk.readOnly && disk.device === 'disk') {
        await makeOverlay(disk, overlayPath(paths, index));
        await chown(overlayPath(paths, index), uid, gid);
      }
    }
  }

  async #update(vm: VirtualMachineState): Promise<void> {
    const machine = await this.#machine(vm.uid);
    const reason = restartReason(machine.vm, vm);
    if (reason !== undefined) {
      throw new PatchbayError(
        'RestartRequired',
        `${vm.name}: ${reason} changes only with a restart of the machine`,
        {
          retryable: false,
        },
      );
    }
    await machine.change(vm);
  }

  async #delete(uid: string): Promise<void> {
    await this.#machines.get(uid)?.destroy();
    this.#machines.delete(uid);
  }

  async #machine(uid: string): Promise<Machine> {
    await this.#adopted();
    const machine = this.#machines.get(uid);
    if (machine === undefined) {
      throw new PatchbayError('VmNotFound', `no machine with uid ${uid} was launched on this node`);
    }
    return machine;
  }

  #paths(uid: string): VmPaths {
    if (!isVmUid(uid)) {
      throw new PatchbayError('InvalidMachine', `uid ${JSON.stringify(uid)} cannot name a directory`, {
        retryable: false,
      });
    }
    return vmPaths(this.#options.runDir, uid, this.#options.scratchDir);
  }

  #adopted(): Promise<void> {
    this.#adoption ??= this.#adoptAll();
    return this.#adoption;
  }

  async #adoptAll(): Promise<void> {
    const uids = await listVmDirectories(this.#options.runDir);
    await Promise.all(uids.map((uid) => this.#adopt(uid)));
  }

  async #adopt(uid: string): Promise<void> {
    const paths = this.#paths(uid);
    try {
      const machine = await Machine.adopt(paths, this.#hooks);
      if (machine !== undefined) {
        this.#machines.set(uid, machine);
        machine.announce();
        return;
      }
      // We died between making the directory and writing the process down.
      await endUnrecorded(uid);
      await removeDirectories(paths);
    } catch (error) {
      this.#options.log.warn(`${paths.directory} cannot be adopted: ${messageOf(error)}`);
    }
  }
}

async function endUnrecorded(uid: string): Promise<void> {
  for (const pid of await listProcesses()) {
    if (await isQemuOf(pid, uid)) {
      const process_ = { pid, startTime: (await startTimeOf(pid)) ?? '' };
      await signal(process_, 'SIGKILL');
      await waitForExit(process_, 5_000);
    }
  }
}

async function makeOverlay(disk: VmDisk, path: string): Promise<void> {
  await run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', disk.format, '-b', disk.path, path]);
}
