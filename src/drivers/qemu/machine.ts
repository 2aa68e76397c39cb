/** One machine that was launched here: its process, its QMP connection, its status. */
import { setTimeout as delay } from 'node:timers/promises';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';
import type { QmpClient } from '#wire/qmp/qmp.ts';
import { nicId, qemuArguments, startsStopped } from './arguments.ts';
import type { VmEvent, VmInfo, VmStatus } from './driver.ts';
import { connectMonitor, type MonitorEvent, queryStatus } from './monitor.ts';
import type { VmPaths } from './paths.ts';
import { isAlive, lastWords, type QemuUser, signal, startQemu, waitForExit } from './process.ts';
import { readRecord, removeDirectories, type VmRecord, writeRecord } from './record.ts';

const START_TIMEOUT_MS = 15_000;
const ADOPT_TIMEOUT_MS = 5_000;
const QUIT_TIMEOUT_MS = 3_000;
const KILL_TIMEOUT_MS = 5_000;

type EventBody = VmEvent extends infer E ? (E extends VmEvent ? Omit<E, 'uid' | 'netns'> : never) : never;

/** Where a machine tells what happens. */
export interface MachineHooks {
  readonly emit: (event: VmEvent) => void;
  readonly warn: (message: string) => void;
}

/** A machine with a record on disk. Its process may have ended. */
export class Machine {
  readonly paths: VmPaths;
  readonly #hooks: MachineHooks;
  #record: VmRecord;
  #client: QmpClient | undefined;
  #status: VmStatus = 'exited';
  #agentConnected = false;
  #isReleased = false;

  private constructor(record: VmRecord, paths: VmPaths, hooks: MachineHooks) {
    this.#record = record;
    this.paths = paths;
    this.#hooks = hooks;
  }

  /** Starts QEMU in directories that are made already. @throws PatchbayError `QemuStartFailed` with QEMU's own words */
  static async start(
    vm: VirtualMachineState,
    paths: VmPaths,
    user: QemuUser,
    hooks: MachineHooks,
  ): Promise<Machine> {
    const argv = qemuArguments(vm, paths);
    const startedAt = new Date().toISOString();
    await writeRecord(paths, { vm, startedAt });
    const qemu = await startQemu(vm, paths, user, argv);
    let hasEnded = false;
    void qemu.exited.then(() => {
      hasEnded = true;
    });
    const machine = new Machine(
      { vm, startedAt, process: { pid: qemu.pid, startTime: qemu.startTime } },
      paths,
      hooks,
    );
    try {
      // Written before the first word over QMP, so that a crash here leaves a machine that can be adopted.
      await writeRecord(paths, machine.#record);
      await machine.#connect(START_TIMEOUT_MS, () => hasEnded);
      await machine.#prepare();
    } catch (error) {
      await machine.#abandon();
      const said = await lastWords(paths.log);
      throw new PatchbayError('QemuStartFailed', `QEMU of ${vm.name}: ${messageOf(error)}${said}`, {
        cause: error,
      });
    }
    return machine;
  }

  /** Takes over what an earlier process of ours launched; undefined when nothing usable was left. */
  static async adopt(paths: VmPaths, hooks: MachineHooks): Promise<Machine | undefined> {
    const record = await readRecord(paths);
    if (record?.process === undefined) {
      return undefined;
    }
    const machine = new Machine(record, paths, hooks);
    if (await isAlive(record.process)) {
      // Until it says otherwise. One that does not answer is tried again without holding up the others.
      machine.#status = 'running';
      const connected = machine.#reconnect();
      await Promise.race([connected, delay(ADOPT_TIMEOUT_MS, undefined, { ref: false })]);
    }
    return machine;
  }

  /** The state it was launched with, plus what was changed while it ran. */
  get vm(): VirtualMachineState {
    return this.#record.vm;
  }

  get status(): VmStatus {
    return this.#status;
  }

  describe(): VmInfo {
    return {
      uid: this.vm.uid,
      netns: this.vm.netns,
      status: this.#status,
      pid: this.#status === 'exited' ? 0 : (this.#record.process?.pid ?? 0),
      startedAt: this.#record.startedAt,
      agentConnected: this.#agentConnected,
      agentSocket: this.paths.agent,
      consoleSocket: this.paths.console,
      serialLog: this.paths.serialLog,
    };
  }

  /** Tells present status and agent, as after adoption. */
  announce(): void {
    this.#emit({ type: 'status', status: this.#status });
    if (this.#agentConnected) {
      this.#emit({ type: 'agent', connected: true });
    }
  }

  /** Runs one QMP command. @throws PatchbayError `VmNotRunning`, QmpError */
  async command(name: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#client === undefined) {
      throw new PatchbayError(
        'VmNotRunning',
        `${this.vm.name}: QEMU is ${this.#status}; ${name} cannot be sent`,
      );
    }
    return this.#client.execute(name, args);
  }

  /** Plugs or unplugs cables until they are as wanted, lets a held guest begin, and writes the new state down. */
  async change(wanted: VirtualMachineState): Promise<void> {
    for (const nic of wanted.nics) {
      const present = this.vm.nics.find((each) => each.name === nic.name);
      if (present !== undefined && present.linkUp !== nic.linkUp) {
        await this.command('set_link', { name: nicId(nic.name), up: nic.linkUp });
      }
    }
    if (this.vm.held === true && wanted.held !== true && !wanted.paused) {
      // Of a guest that runs already (we died before the record was written) this changes nothing.
      await this.command('cont');
    }
    this.#record = { ...this.#record, vm: wanted };
    await writeRecord(this.paths, this.#record);
  }

  /** Ends the process without asking the guest. @throws PatchbayError `QemuWontDie` */
  async kill(): Promise<void> {
    const process_ = this.#record.process;
    if (process_ === undefined) {
      return;
    }
    await signal(process_, 'SIGKILL');
    if (!(await waitForExit(process_, KILL_TIMEOUT_MS))) {
      throw new PatchbayError(
        'QemuWontDie',
        `QEMU ${process_.pid} of ${this.vm.name} still lives after SIGKILL`,
      );
    }
    this.#exited();
  }

  /** Ends the process, politely first so that it closes its disks, and removes every file. */
  async destroy(): Promise<void> {
    this.#isReleased = true;
    const process_ = this.#record.process;
    if (process_ !== undefined && (await isAlive(process_))) {
      await this.#quit();
      if (!(await waitForExit(process_, QUIT_TIMEOUT_MS))) {
        await this.kill();
      }
    }
    this.#client?.close();
    await removeDirectories(this.paths);
  }

  /** Lets go of the connection. */
  release(): void {
    this.#isReleased = true;
    this.#client?.close();
    this.#client = undefined;
  }

  async #quit(): Promise<void> {
    try {
      await this.#client?.execute('quit', undefined, QUIT_TIMEOUT_MS);
    } catch (error) {
      // A hanging QEMU is killed next.
      this.#hooks.warn(`${this.vm.name}: quit: ${messageOf(error)}`);
    }
  }

  async #connect(timeoutMs: number, hasEnded: () => boolean): Promise<void> {
    this.#client = await connectMonitor(this.paths.qmp, timeoutMs, hasEnded, {
      onEvent: (event) => this.#onMonitor(event),
      onClose: () => void this.#onClose(),
    });
    const { status, agentConnected } = await queryStatus(this.#client);
    this.#status = status;
    this.#agentConnected = agentConnected;
  }

  /** Things that must be so before the guest's first instruction. */
  async #prepare(): Promise<void> {
    for (const nic of this.vm.nics.filter((each) => !each.linkUp)) {
      await this.command('set_link', { name: nicId(nic.name), up: false });
    }
    if (startsStopped(this.vm) && !this.vm.paused && this.vm.held !== true) {
      await this.command('cont');
    }
  }

  async #abandon(): Promise<void> {
    this.#isReleased = true;
    this.#client?.close();
    if (this.#record.process !== undefined) {
      await signal(this.#record.process, 'SIGKILL');
      await waitForExit(this.#record.process, KILL_TIMEOUT_MS);
    }
  }

  #onMonitor(event: MonitorEvent): void {
    switch (event.type) {
      case 'status':
        // QEMU stops the processors after a shutdown or panic; that is no pause.
        if (event.status === 'paused' && (this.#status === 'shutdown' || this.#status === 'panicked')) {
          return;
        }
        if (event.status === this.#status) {
          return;
        }
        this.#status = event.status;
        break;
      case 'agent':
        if (event.connected === this.#agentConnected) {
          return;
        }
        this.#agentConnected = event.connected;
        break;
      default:
        break;
    }
    this.#emit(event);
  }

  /** The connection broke: the process ended, or only the connection did. */
  async #onClose(): Promise<void> {
    this.#client = undefined;
    if (this.#isReleased) {
      return;
    }
    try {
      await this.#reconnect();
      this.announce();
    } catch (error) {
      this.#hooks.warn(`${this.vm.name}: QMP is lost: ${messageOf(error)}`);
    }
  }

  /** Ends with a connection or with status `exited`; a QEMU that lives but does not answer stays known and is tried again. */
  async #reconnect(): Promise<void> {
    const process_ = this.#record.process ?? { pid: 0, startTime: '' };
    let isGone = !(await isAlive(process_)) || (await waitForExit(process_, 20));
    while (!isGone && !this.#isReleased) {
      try {
        await this.#connect(ADOPT_TIMEOUT_MS, () => isGone || this.#isReleased);
        return;
      } catch (error) {
        this.#hooks.warn(`${this.vm.name}: QEMU ${process_.pid} does not answer: ${messageOf(error)}`);
        await delay(1_000);
        isGone = !(await isAlive(process_));
      }
    }
    if (isGone) {
      this.#status = 'exited';
      this.#agentConnected = false;
    }
  }

  #exited(): void {
    this.#client?.close();
    this.#client = undefined;
    if (this.#status !== 'exited') {
      this.#status = 'exited';
      this.#agentConnected = false;
      this.#emit({ type: 'status', status: 'exited' });
    }
  }

  #emit(event: EventBody): void {
    this.#hooks.emit({ ...event, uid: this.vm.uid, netns: this.vm.netns });
  }
}
