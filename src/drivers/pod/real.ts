/** Containers by crun, each watched by a conmon that outlives us, keeps its output and tells how it ended. */
import { mkdirSync, watch } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { run } from '#drivers/command.ts';
import { type Clock, systemClock } from '#machinery/clock.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import type { ContainerResources, ContainerState, PodLimits } from '#node-state/container.ts';
import { limitPodGroup, removeCgroups, sweepCgroups } from './cgroups.ts';
import { crun, deleteRun } from './crun.ts';
import type { ContainerDriver, ContainerPhase, ContainerView } from './driver.ts';
import { exitOf, readEnd } from './end.ts';
import { attachInput, connectIn, execIn, reachesIn, writeControl } from './exec.ts';
import { rotateLog } from './log.ts';
import { checkMounts } from './mounts.ts';
import { composeUpdate } from './oci-config.ts';
import {
  exitsDirectory,
  type PodDirectories,
  podDirectory,
  type RunPaths,
  runId,
  runPaths,
  runtimeRoot,
  socketsDirectory,
} from './paths.ts';
import { findProcess, isRunning } from './process.ts';
import { listPods, listRuns, type RunEnd, type RunRecord, readRecord, writeRecord } from './record.ts';
import { checkMemory, createRun, killRun, prepareRun } from './run.ts';
import { prepareEtc, prepareVolumes, unmountVolumes } from './volumes.ts';

/** What the driver needs to know. */
export interface ContainerDriverOptions extends PodDirectories {
  /** Our tag: name of the control group above all pods. */
  readonly tag: string;
  readonly log: { warn(message: string): void };
  readonly clock?: Clock;
}

/** Milliseconds between looks at processes nobody tells us about and at the length of logs. */
const sweepMs = 5_000;

/** Opens the driver; nothing is started. */
export function createContainerDriver(options: ContainerDriverOptions): ContainerDriver {
  return new CrunDriver(options);
}

class CrunDriver implements ContainerDriver {
  readonly #options: ContainerDriverOptions;
  readonly #clock: Clock;
  readonly #records = new Map<string, RunRecord>();
  readonly #handlers = new Set<(podUid: string) => void>();
  readonly #closed = new AbortController();
  #cancelSweep: () => void = () => undefined;

  constructor(options: ContainerDriverOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async load(): Promise<void> {
    for (const directory of [exitsDirectory, socketsDirectory, runtimeRoot]) {
      mkdirSync(directory(this.#options), { recursive: true, mode: 0o700 });
    }
    for (const podUid of listPods(this.#options)) {
      for (const [name, attempt] of listRuns(this.#options, podUid)) {
        const record = readRecord(runPaths(this.#options, podUid, name, attempt));
        if (record !== undefined) this.#records.set(record.id, record);
      }
    }
    const discarded = [...this.#records.values()].map((record) =>
      this.#discardHalfMade(record).catch((error: unknown) => this.#endUnstarted(record, error)),
    );
    await Promise.all(discarded);
    const watcher = watch(exitsDirectory(this.#options), { signal: this.#closed.signal }, (_event, name) => {
      const record = this.#records.get(String(name));
      if (record !== undefined) this.#look(record);
    });
    watcher.on('error', (error) =>
      this.#options.log.warn(`exits of containers are not watched: ${error.message}`),
    );
    watcher.unref();
    await this.#sweep();
  }

  close(): void {
    this.#closed.abort();
    this.#cancelSweep();
  }

  pods(): readonly string[] {
    return [
      ...new Set([
        ...listPods(this.#options),
        ...[...this.#records.values()].map((one) => one.container.podUid),
      ]),
    ];
  }

  list(podUid: string): readonly ContainerView[] {
    return [...this.#records.values()]
      .filter(({ container }) => container.podUid === podUid)
      .toSorted((a, b) => a.container.attempt - b.container.attempt)
      .map((record) => this.#view(record));
  }

  onChange(handler: (podUid: string) => void): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  prepareVolumes: ContainerDriver['prepareVolumes'] = (podUid, volumes) =>
    prepareVolumes(podDirectory(this.#options, podUid), volumes);

  prepareEtc: ContainerDriver['prepareEtc'] = (podUid, files) =>
    prepareEtc(podDirectory(this.#options, podUid), files);

  async start(container: ContainerState): Promise<ContainerView> {
    const paths = this.#paths(container);
    const id = runId(container.podUid, container.name, container.attempt);
    const created: RunRecord = { id, container };
    await prepareRun(this.#options, paths, container);
    writeRecord(paths, created);
    this.#records.set(id, created);
    try {
      await checkMounts(container.mounts);
      const { processesOf } = container;
      const pidNamespace = processesOf === undefined ? undefined : this.#pidNamespace(processesOf);
      const { tag } = this.#options;
      const pid = await createRun({ dirs: this.#options, tag, paths, id, container, pidNamespace });
      const process_ = findProcess(pid);
      this.#records.set(id, { ...created, ...(process_ !== undefined && { process: process_ }) });
      await crun(this.#options, ['start', id]);
      // It may have ended already, which is noted by then.
      const started: RunRecord = { ...this.#record(id), startedAt: this.#clock.now() };
      writeRecord(paths, started);
      this.#records.set(id, started);
    } catch (error) {
      this.#endUnstarted(created, error);
    }
    return this.#view(this.#record(id));
  }

  async limitPod(podUid: string, limits: PodLimits): Promise<void> {
    await limitPodGroup(this.#options.tag, podUid, limits).catch((cause: NodeJS.ErrnoException) => {
      throw refusedLimits(cause.code ?? cause);
    });
  }

  async updateResources(id: string, resources: ContainerResources): Promise<void> {
    const record = this.#running(id);
    const paths = this.#paths(record.container);
    await checkMemory(record, this.#options.tag, resources);
    await writeFile(paths.update, JSON.stringify(composeUpdate(resources)), { mode: 0o600 });
    await crun(this.#options, ['update', '--resources', paths.update, id]).catch((cause: unknown) => {
      throw refusedLimits(cause);
    });
    // It may have ended meanwhile, which is noted by then.
    const now = this.#record(id);
    const updated: RunRecord = { ...now, container: { ...now.container, resources } };
    writeRecord(paths, updated);
    this.#records.set(id, updated);
  }

  async signal(id: string, signal: string): Promise<void> {
    const { process: target } = this.#record(id);
    if (target !== undefined && isRunning(target)) {
      await crun(this.#options, ['kill', id, signal]).catch((error: unknown) => {
        if (isRunning(target)) throw error;
      });
    }
  }

  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record === undefined) {
      return;
    }
    const paths = this.#paths(record.container);
    await killRun(record, paths);
    await deleteRun(this.#options, id);
    await rm(path.join(exitsDirectory(this.#options), id), { force: true });
    await rm(path.join(socketsDirectory(this.#options), id), { force: true });
    await run(['rm', '-rf', '--one-file-system', '--', paths.directory]);
    this.#records.delete(id);
  }

  async removePod(podUid: string): Promise<void> {
    const directory = podDirectory(this.#options, podUid);
    for (const { id } of this.list(podUid)) {
      await this.remove(id);
    }
    await unmountVolumes(directory);
    await removeCgroups(this.#options.tag, podUid);
    // Last: whoever takes over from us knows the pod by it.
    await run(['rm', '-rf', '--one-file-system', '--', directory]);
  }

  exec: ContainerDriver['exec'] = async (id, options) => {
    const record = this.#running(id);
    return execIn(
      { id, container: record.container, paths: this.#paths(record.container), dirs: this.#options },
      options,
    );
  };

  attachInput: ContainerDriver['attachInput'] = async (id) => {
    const { container } = this.#running(id);
    if (!container.stdin) {
      throw new PatchbayError('NoInput', `container ${container.name} has no input; give it stdin: true`, {
        retryable: false,
      });
    }
    return attachInput(this.#paths(container));
  };

  resize: ContainerDriver['resize'] = async (id, { width, height }) => {
    await writeControl(this.#paths(this.#running(id).container), `1 ${height} ${width}\n`);
  };

  connect: ContainerDriver['connect'] = connectIn;
  reaches: ContainerDriver['reaches'] = reachesIn;

  /** @throws PatchbayError `ContainerNotRunning` */
  #pidNamespace(id: string): string {
    const { process: target, container } = this.#running(id);
    if (target === undefined || !isRunning(target)) throw notRunning(container);
    return `/proc/${target.pid}/ns/pid`;
  }

  #running(id: string): RunRecord {
    const record = this.#record(id);
    if (record.end !== undefined || record.process === undefined) {
      throw notRunning(record.container);
    }
    return record;
  }

  #record(id: string): RunRecord {
    const record = this.#records.get(id);
    if (record === undefined) {
      throw new PatchbayError('ContainerNotFound', `there is no container ${id}`, { retryable: false });
    }
    return record;
  }

  #view(record: RunRecord): ContainerView {
    const { id, container, end, startedAt, process: target } = record;
    const phase: ContainerPhase =
      end !== undefined
        ? { type: 'exited', startedAt, ...end }
        : startedAt !== undefined
          ? { type: 'running', startedAt }
          : { type: 'created' };
    return {
      id,
      container,
      phase,
      pid: end === undefined ? target?.pid : undefined,
      logFile: this.#paths(container).log,
    };
  }

  #paths({ podUid, name, attempt }: ContainerState): RunPaths {
    return runPaths(this.#options, podUid, name, attempt);
  }

  /** A run whose making was cut short by our end is made anew; one that ended all the same counts. */
  async #discardHalfMade({ id, startedAt, end }: RunRecord): Promise<void> {
    if (startedAt !== undefined || end !== undefined || exitOf(this.#options, id) !== '') {
      return;
    }
    await this.remove(id);
  }

  /** Such a run counts, whatever becomes of its remains: its container is tried again, and not waited for. */
  #endUnstarted(record: RunRecord, why: unknown): void {
    const [finishedAt, startError] = [this.#clock.now(), messageOf(why)];
    this.#end(record, { exitCode: 128, oomKilled: false, finishedAt, message: '', startError });
  }

  /** Notes the end of a run when there is one. */
  #look(record: RunRecord): void {
    if (record.end !== undefined || this.#records.get(record.id) !== record) {
      return;
    }
    const end = readEnd(this.#options, record, this.#paths(record.container), this.#clock.now());
    if (end !== undefined) this.#end(record, end);
  }

  #end(record: RunRecord, end: RunEnd): void {
    const ended: RunRecord = { ...this.#record(record.id), end };
    this.#records.set(record.id, ended);
    writeRecord(this.#paths(record.container), ended);
    // What crun keeps of it is not needed any more; files stay for logs and messages.
    deleteRun(this.#options, record.id).catch((error: unknown) => this.#options.log.warn(messageOf(error)));
    for (const handler of this.#handlers) handler(record.container.podUid);
  }

  async #sweep(): Promise<void> {
    for (const record of [...this.#records.values()]) {
      if (record.end !== undefined) continue;
      this.#look(record);
      await rotateLog(this.#paths(record.container)).catch((error: unknown) =>
        this.#options.log.warn(messageOf(error)),
      );
    }
    await sweepCgroups(this.#options.tag, (podUid) => this.pods().includes(podUid)).catch((error: unknown) =>
      this.#options.log.warn(messageOf(error)),
    );
    if (!this.#closed.signal.aborted) {
      this.#cancelSweep = this.#clock.setTimer(() => void this.#sweep(), sweepMs);
    }
  }
}

function notRunning({ name }: ContainerState): PatchbayError {
  return new PatchbayError('ContainerNotRunning', `container ${name} is not running`, { retryable: false });
}

/** What the kernel said, without the command and the node's paths in it: the pod's users are told. */
function refusedLimits(error: unknown): PatchbayError {
  const said = /ended with [^:]+: (.+)$/s.exec(messageOf(error))?.[1] ?? messageOf(error);
  const why = `the kernel does not take these limits: ${said}; memory in use cannot be taken away`;
  return new PatchbayError('LimitsRefused', why);
}
