/** Talk on standard error: a live line on a terminal, plain lines otherwise. */
import type { WriteStream } from 'node:tty';

/** What a long command tells while it works. */
export interface Progress {
  /** A step begins: on a terminal a line that `detail` and `done` rewrite. */
  step(text: string): void;
  /** Where the step is: rewrites the live line; without a terminal, a line of its own each time it changes. */
  detail(text: string): void;
  /** The step is over; the line stays, with the time it took. */
  done(text?: string): void;
  /** A line of its own, such as a warning. */
  note(text: string): void;
}

type Sink = Pick<WriteStream, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

/** Progress on a stream (default standard error). */
export function createProgress(
  stream: Sink = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  return stream.isTTY === true && process.env['TERM'] !== 'dumb'
    ? new LiveProgress(stream, now)
    : new PlainProgress(stream, now);
}

/** Rewrites the last line of a terminal. */
class LiveProgress implements Progress {
  readonly #stream: Sink;
  readonly #now: () => number;
  #step: { readonly text: string; readonly since: number } | undefined;

  constructor(stream: Sink, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  step(text: string): void {
    this.#finish();
    this.#step = { text, since: this.#now() };
    this.#rewrite(`… ${text}`);
  }

  detail(text: string): void {
    if (this.#step !== undefined) {
      this.#rewrite(`… ${this.#step.text}: ${text}`);
    }
  }

  done(text?: string): void {
    if (this.#step !== undefined) {
      const words = text === undefined ? this.#step.text : `${this.#step.text}: ${text}`;
      this.#rewrite(`✔ ${words}  ${seconds(this.#now() - this.#step.since)}`);
      this.#stream.write('\n');
      this.#step = undefined;
    }
  }

  note(text: string): void {
    this.#stream.write(`\r\x1b[K${text}\n`);
    if (this.#step !== undefined) {
      this.#rewrite(`… ${this.#step.text}`);
    }
  }

  #finish(): void {
    if (this.#step !== undefined) {
      this.done();
    }
  }

  #rewrite(line: string): void {
    const width = this.#stream.columns ?? 80;
    const shown = line.length < width ? line : `${line.slice(0, width - 2)}…`;
    this.#stream.write(`\r\x1b[K${shown}`);
  }
}

/** One line for each thing that happened. */
class PlainProgress implements Progress {
  readonly #stream: Sink;
  readonly #now: () => number;
  #step: { readonly text: string; readonly since: number } | undefined;
  #lastDetail = '';

  constructor(stream: Sink, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  step(text: string): void {
    this.done();
    this.#step = { text, since: this.#now() };
    this.#lastDetail = '';
    this.#stream.write(`${text} …\n`);
  }

  detail(text: string): void {
    if (this.#step !== undefined && text !== this.#lastDetail) {
      this.#lastDetail = text;
      this.#stream.write(`  ${text}\n`);
    }
  }

  done(text?: string): void {
    if (this.#step !== undefined) {
      const words = text === undefined ? 'done' : text;
      this.#stream.write(`  ${words} (${seconds(this.#now() - this.#step.since)})\n`);
      this.#step = undefined;
    }
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`);
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
