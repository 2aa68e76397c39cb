/** Paths for those who run the server, and for those who check its tokens: `/metrics`, `/backup`, the issuer's documents. */
import { methodNotAllowed } from '../api-errors.ts';
import type { Access } from '../auth/access.ts';
import { type Answer, type StreamAnswer, text } from '../http/answer.ts';
import type { RequestInfo } from '../http/request-info.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type BackupServices, startBackup } from './backup.ts';
import { issuerDocument } from './issuer.ts';

/** Answers a request of an operator; undefined when it is for something else. Throws 405, or 500 when a backup fails. */
export async function handleOperation(
  services: BackupServices & { readonly metrics: Metrics; readonly access: Access },
  info: RequestInfo,
  host: string,
): Promise<Answer | StreamAnswer | undefined> {
  switch (info.path) {
    case '/metrics':
      if (!isRead(info)) {
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
      return isRead(info) ? issuerDocument(info.path, services.access.tokens.key, host) : undefined;
  }
}

function isRead({ verb }: RequestInfo): boolean {
  return verb === 'get' || verb === 'head';
}
