/** A file of lines that never grows beyond its bounds: full ones are kept as `.1`, `.2`, … and the oldest goes. */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Log } from '../log.ts';

/** Bounds of an audit log. */
export interface AuditLimits {
  /** Bytes of one file. */
  readonly fileBytes: number;
  /** Full files kept besides the current one. */
  readonly files: number;
}

const defaultLimits: AuditLimits = { fileBytes: 32 * 1024 * 1024, files: 3 };
/** Characters that are collected before they are written. */
const batchLength = 64 * 1024;
const batchMs = 200;

/** Appends lines in batches. A disk that takes none costs lines, which are counted and told, never requests. */
export class AuditFile {
  readonly #path: string;
  readonly #log: Log;
  readonly #limits: AuditLimits;
  #file: number | undefined;
  #size = 0;
  #lines: string[] = [];
  #length = 0;
  #timer: NodeJS.Timeout | undefined;
  #lost = 0;

  /** Opens the file, mode 0600. Throws when that fails: an audit log that was asked for must not be missing. */
  constructor(path: string, log: Log, limits: Partial<AuditLimits> = {}) {
    this.#path = path;
    this.#log = log;
    this.#limits = { ...defaultLimits, ...limits };
    this.#open();
  }

  /** Lines that could not be written. */
  get lost(): number {
    return this.#lost;
  }

  append(line: string): void {
    this.#lines.push(line);
    this.#length += line.length + 1;
    if (this.#length >= batchLength) {
      this.#flush();
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => this.#flush(), batchMs);
      this.#timer.unref();
    }
  }

  close(): void {
    this.#flush();
    if (this.#file !== undefined) {
      closeSync(this.#file);
      this.#file = undefined;
    }
  }

  #open(): void {
    this.#file = openSync(this.#path, 'a', 0o600);
    this.#size = fstatSync(this.#file).size;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#lines.length === 0) {
      return;
    }
    const bytes = Buffer.from(`${this.#lines.join('\n')}\n`);
    const count = this.#lines.length;
    this.#lines = [];
    this.#length = 0;
    try {
      if (this.#size > 0 && this.#size + bytes.length > this.#limits.fileBytes) {
        this.#rotate();
      }
      if (this.#file === undefined) {
        this.#open();
      }
      if (this.#file !== undefined) {
        writeSync(this.#file, bytes);
        this.#size += bytes.length;
      }
    } catch (error) {
      this.#lost += count;
      this.#log.error({ err: error, lines: count, lost: this.#lost }, 'the audit log was not written');
    }
  }

  #rotate(): void {
    if (this.#file !== undefined) {
      closeSync(this.#file);
      this.#file = undefined;
    }
    const { files } = this.#limits;
    rmSync(`${this.#path}.${files}`, { force: true });
    for (let at = files - 1; at >= 0; at--) {
      this.#rename(at === 0 ? this.#path : `${this.#path}.${at}`, `${this.#path}.${at + 1}`);
    }
    this.#open();
  }

  #rename(from: string, to: string): void {
    try {
      renameSync(from, to);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
        throw error;
      }
    }
  }
}
