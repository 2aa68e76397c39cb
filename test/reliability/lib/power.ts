/** A mounted file system whose power can be cut and whose calls can be made to fail; see power-fs.py. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rmdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';

/** What becomes of what was not synced. */
export type Cut = 'drop' | 'keep' | 'tear';

/** How a call fails. `short`: half is written, and then the disk is full. */
export type Failure = 'EIO' | 'ENOSPC' | 'short';

/** One mounted file system, in memory. Needs root, /dev/fuse and python3-fusepy. */
export class PowerFileSystem {
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  private constructor(directory: string, child: ChildProcess, lines: Interface) {
    this.directory = directory;
    this.#child = child;
    this.#lines = lines;
  }

  /** Mounts one at a new place. */
  static async mount(): Promise<PowerFileSystem> {
    const directory = await mkdtemp(join(tmpdir(), 'patchbay-power-'));
    const parent = (await stat(directory)).dev;
    const script = new URL('power-fs.py', import.meta.url).pathname;
    const child = spawn('/usr/bin/python3', [script, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
    const gone = once(child, 'exit').then(([code]) => {
      throw new Error(`power-fs.py ended with ${code}: are /dev/fuse and python3-fusepy there?`);
    });
    gone.catch(() => undefined);
    if (child.stdout === null) {
      throw new Error('power-fs.py has no output');
    }
    const mounted = new PowerFileSystem(directory, child, createInterface({ input: child.stdout }));
    while ((await stat(directory)).dev === parent) {
      await Promise.race([mounted.#say('heal'), gone]);
    }
    return mounted;
  }

  cut(how: Cut, seed: number): Promise<unknown> {
    return this.#say(`crash ${how} ${seed}`);
  }

  /** The `n`th writing call from now on fails; `stays`: and all after it. */
  async fail(n: number, how: Failure, stays = false): Promise<void> {
    await this.#say(`fail ${n} ${how}`);
    if (stays) {
      await this.#say('stick');
    }
  }

  heal(): Promise<unknown> {
    return this.#say('heal');
  }

  /** Writing calls since it was asked before. */
  async calls(): Promise<number> {
    return Number((await this.#say('count')).split(' ')[1]);
  }

  async unmount(): Promise<void> {
    execFileSync('umount', ['--lazy', this.directory]);
    this.#child.kill();
    await rmdir(this.directory);
  }

  async #say(command: string): Promise<string> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin?.write(`${command}\n`);
    const [line] = await answer;
    return String(line);
  }
}
