/** One process that is kept running. Only Node's own modules. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { writePidFile } from './lock.ts';
import {
  isRunning,
  type ProcessId,
  readPidFile,
  signalProcess,
  startTimeOf,
  viewProcess,
} from './process.ts';
import { RestartDelay } from './restart-delay.ts';
import type { ChildSpec, ChildStatus } from './supervisor-protocol.ts';

const firstDelayMs = 100;
/** How often an adopted process, whose end nobody tells us, is looked at. */
const adoptedPollMs = 250;
/** A log this long is put aside as `.1` when its process starts. */
const longestLogBytes = 16 * 1024 * 1024;

/** Keeps one process running: starts it, restarts it with growing delays, adopts the one an earlier supervisor started. */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #pidFile: string;
  readonly #log: (line: string) => void;
  readonly #delay = new RestartDelay(firstDelayMs);
  #process: ProcessId | undefined;
  #adopted = false;
  #stopping = false;
  #restarts = 0;
  #startedAt = 0;
  #lastExit: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(spec: ChildSpec, pidFile: string, log: (line: string) => void) {
    this.spec = spec;
    this.#pidFile = pidFile;
    this.#log = log;
  }

  /** True when that specification asks for the very process this one runs. */
  isSame(spec: ChildSpec | undefined): boolean {
    return isDeepStrictEqual(spec, this.spec);
  }

  status(): ChildStatus {
    const state = this.#stopping ? 'stopping' : this.#process === undefined ? 'waiting' : 'running';
    return {
      name: this.spec.name,
      state,
      ...(this.#process === undefined ? {} : this.#process),
      restarts: this.#restarts,
      ...(this.#lastExit === undefined ? {} : { lastExit: this.#lastExit }),
      adopted: this.#adopted,
    };
  }

  /** Adopts the process of an earlier supervisor when it still runs with the same arguments; else starts one. */
  start(): void {
    const earlier = this.#findEarlier();
    if (earlier === undefined) {
      this.#spawn();
    } else {
      this.#adopt(earlier);
    }
  }

  /** Ends it: SIGTERM, and SIGKILL after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const running = this.#process;
    if (running === undefined) {
      return;
    }
    signalProcess(running, 'SIGTERM');
    const timer = setTimeout(() => {
      this.#log(`${this.spec.name}: still there ${graceMs} ms after SIGTERM, killed`);
      signalProcess(running, 'SIGKILL');
    }, graceMs);
    await this.#ended;
    clearTimeout(timer);
  }

  #findEarlier(): ProcessId | undefined {
    const noted = readPidFile(this.#pidFile);
    if (noted?.startTime === undefined) {
      return undefined;
    }
    const seen = viewProcess(noted.pid);
    if (seen === undefined || seen.startTime !== noted.startTime) {
      return undefined;
    }
    // Wrappers such as nsenter replace themselves: what runs shows the end of our argument vector.
    const { argv } = this.spec;
    const matches = isDeepStrictEqual(argv.slice(argv.length - seen.argv.length), seen.argv);
    if (!matches) {
      this.#log(`${this.spec.name}: pid ${seen.pid} runs with other arguments, replaced`);
      signalProcess(seen, 'SIGKILL');
    }
    return matches ? { pid: seen.pid, startTime: seen.startTime } : undefined;
  }

  #adopt(earlier: ProcessId): void {
    this.#log(`${this.spec.name}: adopted pid ${earlier.pid}`);
    this.#process = earlier;
    this.#adopted = true;
    this.#startedAt = performance.now();
    this.#ended = new Promise((resolve) => {
      const poll = setInterval(() => {
        if (!isRunning(earlier)) {
          clearInterval(poll);
          this.#onEnd('ended');
          resolve();
        }
      }, adoptedPollMs);
    });
  }

  #spawn(): void {
    const [file, ...rest] = this.spec.argv;
    if (file === undefined) {
      throw new Error(`${this.spec.name}: its argument vector is empty`);
    }
    const log = openLog(this.spec.logFile);
    const child = spawn(file, rest, {
      cwd: '/',
      env: { ...this.spec.env },
      stdio: ['ignore', log, log],
      detached: true, // outlives us: a killed supervisor stops nothing
    });
    closeSync(log);
    this.#adopted = false;
    this.#startedAt = performance.now();
    this.#ended = new Promise((resolve) => {
      const ended = (how: string): void => {
        this.#onEnd(how);
        resolve();
      };
      child.once('error', (error) => ended(error.message));
      child.once('exit', (code, signal) => ended(signal ?? `exit ${code}`));
    });
    const startTime = child.pid === undefined ? undefined : startTimeOf(child.pid);
    if (child.pid !== undefined && startTime !== undefined) {
      this.#process = { pid: child.pid, startTime };
      writePidFile(this.#pidFile, this.#process);
      this.#log(`${this.spec.name}: started pid ${child.pid}`);
    }
  }

  #onEnd(how: string): void {
    this.#process = undefined;
    this.#lastExit = how;
    rmSync(this.#pidFile, { force: true });
    if (this.#stopping) {
      this.#log(`${this.spec.name}: stopped (${how})`);
      return;
    }
    const ms = this.#delay.next(performance.now() - this.#startedAt);
    this.#log(`${this.spec.name}: ended (${how}), restart in ${ms} ms`);
    this.#timer = setTimeout(() => {
      this.#restarts++;
      this.#spawn();
    }, ms);
  }
}

/** Opens a log to append to; one that grew long is put aside first. */
function openLog(file: string): number {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > longestLogBytes) {
    renameSync(file, `${file}.1`);
  }
  return openSync(file, 'a', 0o600);
}
