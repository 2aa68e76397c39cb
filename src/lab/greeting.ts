/** What a daemon is told through its control socket whenever it was found or started. Only Node's own modules. */
import type { Socket } from 'node:net';
import { RestartDelay } from './restart-delay.ts';
import type { ControlCommand } from './supervisor-protocol.ts';

const firstDelayMs = 20;

/** An answer of `lib/unixctl.c`. */
interface Answer {
  readonly error?: string | null;
}

/**
 * Gives a daemon each command once it has taken the one before: what it is told last may make its loop run with what it was
 * told first. One that is refused is given again, after delays that double from 20 ms to 10 s: a daemon answers before it
 * has read its database, and ovs-vswitchd has no datapath until then. Ends with the connection.
 *
 * @param onProblem told what was refused and why; then `undefined`, once it was taken
 */
export function greet(
  connection: Socket,
  commands: readonly ControlCommand[],
  onProblem: (problem: string | undefined) => void,
): void {
  const delay = new RestartDelay(firstDelayMs);
  let current = 0;
  let received = '';
  let timer: NodeJS.Timeout | undefined;
  const say = (): void => {
    const command = commands[current];
    if (command !== undefined) {
      connection.write(JSON.stringify({ id: current, ...command }));
    }
  };
  connection.on('data', (bytes) => {
    received += bytes.toString();
    const answer = wholeAnswer(received);
    if (answer === undefined) {
      return;
    }
    received = '';
    const { error } = answer;
    if (typeof error === 'string') {
      onProblem(`refuses ${commands[current]?.method}: ${error.trim()}`);
      timer = setTimeout(say, delay.next(0));
    } else {
      onProblem(undefined);
      current++;
      say();
    }
  });
  connection.once('close', () => clearTimeout(timer));
  say();
}

/** There is one answer at a time; until it is whole it is no JSON. */
function wholeAnswer(text: string): Answer | undefined {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return undefined;
  }
}
