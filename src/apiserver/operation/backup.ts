/** `POST /backup`: a consistent copy of the store, streamed to the client; for who may do everything. */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Store } from '#store/store.ts';
import type { StreamAnswer } from '../http/answer.ts';
import type { Outgoing } from '../http/exchange.ts';
import type { Log } from '../log.ts';

/** What backups are made of. */
export interface BackupServices {
  readonly store: Store;
  readonly log: Log;
}

/** Makes the copy beside the store, then streams it with its digest, revision and length in the head. Throws StoreError. */
export async function startBackup({ store, log }: BackupServices): Promise<StreamAnswer> {
  const copy = await store.backup();
  return {
    stream: (response: Outgoing) => {
      const remove = (): void => {
        rm(copy.path, { force: true }).catch((error: unknown) =>
          log.error({ err: error, path: copy.path }, 'the copy of a backup was not removed'),
        );
      };
      response.statusCode = 200;
      response.setHeader('content-type', 'application/vnd.sqlite3');
      response.setHeader('content-length', copy.bytes);
      response.setHeader('x-patchbay-revision', copy.revision);
      response.setHeader('x-patchbay-sha256', copy.sha256);
      const file = createReadStream(copy.path);
      response.on('close', () => {
        file.destroy();
        remove();
      });
      file.on('error', (error) => {
        log.error({ err: error }, 'a backup broke off');
        response.end();
      });
      file.on('data', (chunk) => {
        if (!response.write(chunk)) {
          file.pause();
        }
      });
      response.on('drain', () => file.resume());
      file.on('end', () => response.end());
    },
  };
}
