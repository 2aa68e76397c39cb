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

/** A daemon that detaches itself, and is started again when it dies. */
export interface DaemonSpec {
  /** `ovn-northd`, `node1/ovs-vswitchd`, … */
  readonly name: string;
  /** Starts it: ends with 0 once it serves. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly pidFile: string;
  /** Its control socket; `<pid>` stands for what its pid file says. */
  readonly control: string;
  /** Commands it is given one after the other whenever it was found or started. */
  readonly greeting: readonly ControlCommand[];
}

/** A command for a daemon's control socket (JSON-RPC): what `ovs-appctl` would send. */
export interface ControlCommand {
  readonly method: string;
  readonly params: readonly string[];
}

/** The supervisor's configuration file. */
export interface SupervisorConfig {
  readonly instance: string;
  readonly socket: string;
  /** Lock of the supervisor itself; children's pid files are beside it in `pids/`. */
  readonly pidFile: string;
  readonly children: readonly ChildSpec[];
  readonly daemons: readonly DaemonSpec[];
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

/** A daemon as it is. */
export interface DaemonStatus {
  readonly name: string;
  readonly state: 'running' | 'waiting';
  /** Times it was started because nobody answered. */
  readonly restarts: number;
  /** Why it is not running. */
  readonly problem?: string;
}

/** Answer to `status` and `reload`. */
export interface SupervisorStatus {
  readonly instance: string;
  readonly pid: number;
  readonly children: readonly ChildStatus[];
  readonly daemons: readonly DaemonStatus[];
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
