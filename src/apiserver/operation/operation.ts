/** Paths for those who run the server: `/metrics` and `/backup`. */
import { methodNotAllowed } from '../api-errors.ts';
import { type Answer, type StreamAnswer, text } from '../http/answer.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type BackupServices, startBackup } from './backup.ts';

/** Answers a request of an operator; undefined when it is for something else. Throws 405, or 500 when a backup fails. */
export async function handleOperation(
  services: BackupServices & { readonly metrics: Metrics },
  info: RequestInfo,
): Promise<Answer | StreamAnswer | undefined> {
  switch (info.path) {
    case '/metrics':
      if (info.verb !== 'get' && info.verb !== 'head') {
        throw methodNotAllowed();
      }
      return {
        ...text(services.metrics.render()),
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      };
    case '/backup':
      if (info.verb !== 'post') {
        throw methodNotAllowed();
      }
      return startBackup(services);
    default:
      return undefined;
  }
}
