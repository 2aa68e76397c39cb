/** What the server does itself, through the same door as everybody. */
import { mastersGroup } from './auth/user.ts';
import { requestInfo } from './http/request-info.ts';
import type { Call } from './registry/call.ts';
import type { WriteOptions } from './registry/write-options.ts';

/** A call of the server's own. */
export function internalCall(method: string, path: string): Call {
  return {
    info: requestInfo(method, path),
    user: { name: 'system:apiserver', groups: [mastersGroup] },
    userAgent: 'patchbay-apiserver',
    warnings: [],
  };
}

/** Its options. */
export const internalOptions: WriteOptions = {
  dryRun: false,
  fieldManager: 'patchbay-apiserver',
  fieldValidation: 'Strict',
  force: false,
};
