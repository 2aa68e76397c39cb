/** One run of a benchmark: its options, and the promise that everything it made is gone afterwards, also on Ctrl-C. */
import { parseArgs } from 'node:util';

/** What the command line asks for. */
export interface BenchOptions {
  readonly rounds: number;
  readonly json: boolean;
}

/** A run that may be interrupted; what is to be undone is undone last first. */
export interface Session {
  readonly options: BenchOptions;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  undoLater(what: () => unknown): void;
  /** Progress, on standard error. */
  say(text: string): void;
}

/** What a benchmark found: the same as an object and as lines. */
export interface BenchReport {
  readonly result: object;
  readonly lines: readonly string[];
}

/** Reads `[--rounds N] [-o json]`. */
function readOptions(defaultRounds: number): BenchOptions {
  const { values } = parseArgs({
    options: { rounds: { type: 'string' }, output: { type: 'string', short: 'o' } },
  });
  const rounds = Number(values.rounds ?? defaultRounds);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new Error(`--rounds "${values.rounds}" is refused: allowed are whole numbers from 1`);
  }
  if (values.output !== undefined && values.output !== 'json') {
    throw new Error(`-o "${values.output}" is refused: allowed is json`);
  }
  return { rounds, json: values.output === 'json' };
}

/** Runs a benchmark and prints its report, if it has one. */
export async function runBench(
  defaultRounds: number,
  bench: (session: Session) => Promise<BenchReport | undefined>,
): Promise<void> {
  const options = readOptions(defaultRounds);
  const interrupted = new AbortController();
  const undo: (() => unknown)[] = [];
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      process.exitCode = 130;
      interrupted.abort(new Error('interrupted'));
    });
  }
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const session: Session = {
    options,
    signal: interrupted.signal,
    undoLater: (what) => void undo.push(what),
    say,
  };
  try {
    const report = await bench(session);
    if (report !== undefined) {
      console.log(options.json ? JSON.stringify(report.result, undefined, 2) : report.lines.join('\n'));
    }
  } catch (error) {
    if (!interrupted.signal.aborted) {
      throw error;
    }
    say('interrupted; cleaning up');
  } finally {
    for (const step of undo.toReversed()) {
      await step();
    }
  }
}

/** The wall clock in milliseconds with fractions, comparable with timestamps of other processes. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The kernel takes namespaces apart in the background, and making the next one waits for that: not ours to measure. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 400));
}

/** Looks every few milliseconds until a condition holds. Rejects after `timeoutMs` or when the run is interrupted. */
export async function until(
  what: string,
  signal: AbortSignal,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    signal.throwIfAborted();
    if (performance.now() > deadline) {
      throw new Error(`${what}: not within ${timeoutMs} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
