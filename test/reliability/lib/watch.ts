/** Watches as clients read them: line by line. */
import type { IncomingMessage } from 'node:http';
import type { ApiObject, Client } from './client.ts';

/** One line of a watch. */
export interface WatchEvent {
  readonly type: string;
  readonly object: ApiObject;
}

/** A watch under way. */
export interface Watch {
  /** Resolves when the condition holds, looked at after every event; rejects when the watch ends before. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves when the server ended it or the connection is gone. */
  readonly ended: Promise<void>;
  readonly stream: IncomingMessage;
  close(): void;
}

/** Opens `path`, a list's, as a watch. */
export async function openWatch(
  client: Client,
  path: string,
  onEvent: (event: WatchEvent) => void,
): Promise<Watch> {
  const stream = await client.open(`${path}${path.includes('?') ? '&' : '?'}watch=true`);
  const waiting = new Set<() => void>();
  let over = false;
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      onEvent(JSON.parse(line) as WatchEvent);
    }
    tell();
  });
  const ended = new Promise<void>((resolve) => {
    stream.on('error', () => undefined); // 'close' follows
    stream.on('close', () => {
      over = true;
      resolve();
      tell();
    });
  });
  const tell = (): void => {
    for (const each of [...waiting]) {
      each();
    }
  };
  return {
    ended,
    stream,
    close: () => void stream.destroy(),
    until: (condition) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const holds = condition();
          if (holds || over) {
            waiting.delete(look);
          }
          if (holds) {
            resolve();
          } else if (over) {
            reject(new Error(`the watch ${path} ended early`));
          }
        };
        waiting.add(look);
        look();
      }),
  };
}
