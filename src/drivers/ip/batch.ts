/** A resident `ip -force -batch -`: each line is executed as it is written, without a process per step. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { commandEnv, inNetns } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';

/** Error text of each line of a batch, in order; undefined where the line succeeded. */
export type LineErrors = readonly (string | undefined)[];

interface Pending {
  readonly first: number;
  readonly count: number;
  readonly errors: Map<number, string>;
  readonly resolve: (errors: LineErrors) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const timeoutMs = 15_000;

/**
 * Keeps one `ip` process of the node's own namespace. Every batch is followed by a line that is no command: its
 * complaint on (unbuffered) standard error tells that all lines before it are done. `ip` says which line failed.
 */
export class ResidentBatch implements AsyncDisposable {
  #child: ChildProcessWithoutNullStreams | undefined;
  #line = 0;
  #unread = '';
  #said: string[] = [];
  #pending: Pending[] = [];

  /** Executes lines in order and answers with the errors; rejects when `ip` itself dies or hangs. */
  execute(lines: readonly string[]): Promise<LineErrors> {
    if (lines.length === 0) {
      return Promise.resolve([]);
    }
    const child = this.#child ?? this.#start();
    return new Promise((resolve, reject) => {
      const first = this.#line + 1;
      const timer = setTimeout(() => this.#fail('did not answer in time'), timeoutMs);
      this.#pending.push({ first, count: lines.length, errors: new Map(), resolve, reject, timer });
      this.#line += lines.length + 1;
      child.stdin.write(`${lines.join('\n')}\npatchbay-end-${this.#line}\n`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child === undefined) {
      return;
    }
    this.#child = undefined;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.stdin.end();
    await ended;
  }

  #start(): ChildProcessWithoutNullStreams {
    const child = spawn('ip', ['-force', '-batch', '-'], { env: commandEnv(), stdio: 'pipe' });
    this.#child = child;
    this.#line = 0;
    this.#unread = '';
    this.#said = [];
    child.stderr.on('data', (chunk: Buffer) => this.#read(chunk.toString()));
    child.stdout.resume();
    // The reason comes with `close`; a write into a process that has just died must not end ours.
    child.stdin.on('error', () => undefined);
    const died = (): void => {
      if (this.#child === child) {
        this.#fail('ended unexpectedly');
      }
    };
    child.once('error', died);
    child.once('close', died);
    return child;
  }

  #read(text: string): void {
    const lines = (this.#unread + text).split('\n');
    this.#unread = lines.pop() ?? '';
    for (const line of lines) {
      const failed = /^Command failed -:(\d+)$/.exec(line);
      if (failed === null) {
        this.#said.push(line);
        continue;
      }
      const message = this.#said.join(' ').trim();
      this.#said = [];
      this.#lineFailed(Number(failed[1]), message);
    }
  }

  #lineFailed(line: number, message: string): void {
    const batch = this.#pending[0];
    if (batch === undefined) {
      return;
    }
    if (line < batch.first + batch.count) {
      batch.errors.set(line - batch.first, message);
      return;
    }
    this.#pending.shift();
    clearTimeout(batch.timer);
    batch.resolve(Array.from({ length: batch.count }, (_, index) => batch.errors.get(index)));
  }

  #fail(what: string): void {
    const child = this.#child;
    this.#child = undefined;
    child?.kill('SIGKILL');
    const said = [...this.#said, this.#unread].join(' ').trim();
    for (const batch of this.#pending.splice(0)) {
      clearTimeout(batch.timer);
      batch.reject(
        new PatchbayError('CommandFailed', `\`ip -force -batch -\` ${what}${said === '' ? '' : `: ${said}`}`),
      );
    }
  }
}

/** One short-lived batch in a network namespace: `ip` (or `bridge`) reads the lines, the errors are those per line. */
export async function batchOnce(
  tool: 'ip' | 'bridge',
  netns: string,
  lines: readonly string[],
): Promise<LineErrors> {
  if (lines.length === 0) {
    return [];
  }
  const argv = tool === 'ip' && netns !== '' ? ['ip', '-n', netns, '-force', '-batch', '-'] : undefined;
  const [file, ...rest] = argv ?? inNetns(netns, [tool, '-force', '-batch', '-']);
  const { text, status } = await collectErrors(file ?? tool, rest, `${lines.join('\n')}\n`);
  return readErrors(text, status, lines.length);
}

function collectErrors(
  file: string,
  argv: readonly string[],
  input: string,
): Promise<{ text: string; status: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, argv, {
      env: commandEnv(),
      stdio: ['pipe', 'ignore', 'pipe'],
      timeout: timeoutMs,
    });
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    child.once('error', (cause) =>
      reject(new PatchbayError('CommandFailed', `\`${file}\` cannot be started`, { cause })),
    );
    child.once('close', (code) => resolve({ text, status: code ?? -1 }));
    // A namespace that is gone makes `ip` leave without reading; its words on standard error say so.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

/** Reads the errors of a batch that ended; output without line numbers means that nothing was executed. */
export function readErrors(text: string, status: number, count: number): LineErrors {
  const errors: (string | undefined)[] = Array.from({ length: count }, () => undefined);
  let said: string[] = [];
  let numbered = false;
  for (const line of text.split('\n')) {
    const failed = /^Command failed \S+:(\d+)$/.exec(line);
    if (failed === null) {
      said.push(line);
      continue;
    }
    numbered = true;
    errors[Number(failed[1]) - 1] = said.join(' ').trim() || 'failed without a word';
    said = [];
  }
  if (status !== 0 && !numbered) {
    return errors.map(() => text.trim() || `ended with status ${status}`);
  }
  return errors;
}
