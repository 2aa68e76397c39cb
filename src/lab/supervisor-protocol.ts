/** What the supervisor is told, and what it answers. Only Node's own modules. */
import { createConnection } from 'node:net';

/** A process the supervisor keeps running. */
export interface ChildSpec {
  /** `control-plane`, `agent-node1`; a file name part. */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Standard output and error are appended to it. */
  readonly logFile: string;
}

/** The supervisor's configuration file. */
export interface SupervisorConfig {
  readonly instance: string;
  readonly socket: string;
  /** Lock of the supervisor itself; children's pid files are beside it in `pids/`. */
  readonly pidFile: string;
  readonly children: readonly ChildSpec[];
}

/** A child as it is. */
export interface ChildStatus {
  readonly name: string;
  readonly state: 'running' | 'waiting' | 'stopping';
  readonly pid?: number;
  readonly startTime?: string;
  /** Times it was started again after it had ended. */
  readonly restarts: number;
  /** How it last ended: `exit 1`, `SIGKILL`. */
  readonly lastExit?: string;
  /** True: started by an earlier supervisor. */
  readonly adopted: boolean;
}

/** Answer to `status` and `reload`. */
export interface SupervisorStatus {
  readonly instance: string;
  readonly pid: number;
  readonly children: readonly ChildStatus[];
}

/** `reload` reads the configuration file again: starts what is new, stops what went, restarts what changed. */
export type SupervisorCommand = 'status' | 'reload';

/**
 * Asks a running supervisor over its control socket.
 * Undefined when none listens there. Throws when it answers no JSON within `timeoutMs`.
 */
export async function askSupervisor(
  socket: string,
  command: SupervisorCommand,
  timeoutMs = 5000,
): Promise<SupervisorStatus | undefined> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket);
    const chunks: Buffer[] = [];
    connection.setTimeout(timeoutMs, () => {
      connection.destroy(new Error(`the supervisor did not answer on ${socket} within ${timeoutMs} ms`));
    });
    connection.on('connect', () => connection.end(`${command}\n`));
    connection.on('data', (chunk: Buffer) => chunks.push(chunk));
    connection.on('end', () => {
      try {
        resolve(parseAnswer(Buffer.concat(chunks).toString()));
      } catch (error) {
        reject(error);
      }
    });
    connection.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') {
        resolve(undefined);
      } else {
        reject(error);
      }
    });
  });
}

function parseAnswer(text: string): SupervisorStatus {
  const answer = JSON.parse(text) as SupervisorStatus | { readonly error: string };
  if ('error' in answer) {
    throw new Error(`the supervisor refused: ${answer.error}`);
  }
  return answer;
}
