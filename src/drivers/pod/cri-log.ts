/** Logs as the container runtime interface keeps them: `TIME STREAM TAGS TEXT`, one line each; tag P is a part of a line. */
import { open, stat } from 'node:fs/promises';

/** One entry. */
export interface LogEntry {
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** False: the line goes on in the next entry. */
  readonly isWhole: boolean;
  readonly text: Buffer;
}

/** Parses one line without its newline; undefined for anything else. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first <= 0 || second < 0 || third < 0) {
    return undefined;
  }
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') {
    return undefined;
  }
  const tag = line.toString('latin1', second + 1, third).split(':')[0];
  return {
    time: line.toString('latin1', 0, first),
    stream,
    isWhole: tag !== 'P',
    text: line.subarray(third + 1),
  };
}

/** Splits a byte stream into lines; what has no newline yet is kept. */
export class LineSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = all.indexOf(0x0a); at >= 0; at = all.indexOf(0x0a, from)) {
      lines.push(all.subarray(from, at));
      from = at + 1;
    }
    this.#rest = Buffer.from(all.subarray(from));
    return lines;
  }
}

/** An entry as `kubectl logs` prints it. */
export function formatEntry({ time, text, isWhole }: LogEntry, timestamps: boolean): Buffer {
  const end = Buffer.from(isWhole ? '\n' : '');
  return Buffer.concat(timestamps ? [Buffer.from(`${time} `), text, end] : [text, end]);
}

const chunkSize = 64 * 1024;

/** Entries of a file from `from` to its end, and where that is. */
export async function* readEntries(file: string, from = 0): AsyncGenerator<LogEntry> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) {
    return;
  }
  try {
    const splitter = new LineSplitter();
    for (let position = from; ; ) {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(chunkSize), 0, chunkSize, position);
      if (bytesRead === 0) {
        return;
      }
      position += bytesRead;
      for (const line of splitter.push(buffer.subarray(0, bytesRead))) {
        const entry = parseLogLine(line);
        if (entry !== undefined) yield entry;
      }
    }
  } finally {
    await handle.close();
  }
}

/** Follows a log from a position on; a new file in its place is read from its start. Ends when `isOver` and nothing is left. */
export class LogFollower {
  readonly #file: string;
  #splitter = new LineSplitter();
  #position: number;
  #inode: number | undefined;

  constructor(file: string, position: number, inode: number | undefined) {
    this.#file = file;
    this.#position = position;
    this.#inode = inode;
  }

  /** Starts at the present end. */
  static async atEnd(file: string): Promise<LogFollower> {
    const status = await stat(file).catch(() => undefined);
    return new LogFollower(file, status?.size ?? 0, status?.ino);
  }

  /** What was added since the last call. */
  async next(): Promise<readonly LogEntry[]> {
    const handle = await open(this.#file, 'r').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (handle === undefined) {
      return [];
    }
    try {
      const { ino, size } = await handle.stat();
      if (ino !== this.#inode || size < this.#position) {
        this.#position = 0;
        this.#inode = ino;
        this.#splitter = new LineSplitter();
      }
      const entries: LogEntry[] = [];
      for (;;) {
        const { buffer, bytesRead } = await handle.read(
          Buffer.alloc(chunkSize),
          0,
          chunkSize,
          this.#position,
        );
        if (bytesRead === 0) return entries;
        this.#position += bytesRead;
        entries.push(
          ...this.#splitter.push(buffer.subarray(0, bytesRead)).flatMap((line) => parseLogLine(line) ?? []),
        );
      }
    } finally {
      await handle.close();
    }
  }
}
