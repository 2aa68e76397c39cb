/** One daemon of Open vSwitch or OVN that is started again when it dies. Only Node's own modules. */
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { greet } from './greeting.ts';
import { readPidFile } from './process.ts';
import { RestartDelay } from './restart-delay.ts';
import type { DaemonSpec, DaemonStatus } from './supervisor-protocol.ts';

/** Short: while ovs-vswitchd is away its node forwards nothing. */
const firstDelayMs = 20;

/**
 * Watches a daemon that detached itself through a connection to its control socket, which the kernel closes at the very
 * moment the daemon dies, however it dies. The daemon is nobody's child: a killed supervisor takes none along, and the next
 * one finds those that died meanwhile by connecting.
 */
export class SupervisedDaemon {
  readonly spec: DaemonSpec;
  readonly #log: (line: string) => void;
  readonly #delay = new RestartDelay(firstDelayMs);
  #connection: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #restarts = 0;
  #attachedAt = 0;
  #problem: string | undefined;

  constructor(spec: DaemonSpec, log: (line: string) => void) {
    this.spec = spec;
    this.#log = log;
  }

  /** True when that specification asks for the very daemon this one watches. */
  isSame(spec: DaemonSpec | undefined): boolean {
    return isDeepStrictEqual(spec, this.spec);
  }

  status(): DaemonStatus {
    return {
      name: this.spec.name,
      state: this.#connection === undefined ? 'waiting' : 'running',
      restarts: this.#restarts,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** Connects to the daemon; starts it when nobody answers. */
  start(): void {
    const file = this.#controlFile();
    const connection = createConnection(file);
    let isAttached = false;
    connection.once('connect', () => {
      isAttached = true;
      this.#attach(connection);
    });
    connection.on('error', ({ message }) => {
      this.#problem = message;
    });
    connection.once('close', () => {
      this.#connection = undefined;
      if (isAttached) {
        this.#retry('ended');
      } else if (!this.#stopped) {
        rmSync(file, { force: true }); // the file of one that was killed: nobody listens there
        this.#spawn();
      }
    });
  }

  /** Looks no longer; the daemon stays. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#connection?.destroy();
  }

  /** Where it takes commands: some daemons have their pid in the name. */
  #controlFile(): string {
    const { control, pidFile } = this.spec;
    return control.replace('<pid>', String(readPidFile(pidFile)?.pid ?? 0));
  }

  #attach(connection: Socket): void {
    if (this.#stopped) {
      connection.destroy();
      return;
    }
    this.#connection = connection;
    this.#attachedAt = performance.now();
    this.#problem = undefined;
    greet(connection, this.spec.greeting, (problem) => {
      if (problem !== undefined && problem !== this.#problem) {
        this.#log(`${this.spec.name}: ${problem}`);
      }
      this.#problem = problem;
    });
  }

  #retry(how: string): void {
    if (this.#stopped) {
      return;
    }
    const ms = this.#delay.next(performance.now() - this.#attachedAt);
    this.#log(`${this.spec.name}: ${how}, looks again in ${ms} ms`);
    // Its own monitor, or "patchbay up", may be faster: hence connecting comes first.
    this.#timer = setTimeout(() => this.start(), ms);
  }

  #spawn(): void {
    const [file = '', ...rest] = this.spec.argv;
    this.#restarts++;
    this.#log(`${this.spec.name}: nobody answers, starts it`);
    const child = spawn(file, rest, {
      cwd: '/',
      env: { ...this.spec.env },
      stdio: ['ignore', 'ignore', 'inherit'],
      detached: true,
    });
    const ended = (how: string): void => {
      this.#attachedAt = performance.now();
      this.#problem = how;
      this.#retry(`could not be started (${how})`);
    };
    child.once('error', ({ message }) => ended(message));
    // The program that is started detaches itself and ends once it serves.
    child.once('exit', (code, signal) => {
      if (code !== 0) {
        ended(signal ?? `exit ${code}`);
      } else if (!this.#stopped) {
        this.start();
      }
    });
  }
}
