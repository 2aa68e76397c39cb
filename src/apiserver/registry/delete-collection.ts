import type { KindDefinition } from '#api/kind.ts';
import { ApiError } from '#machinery/errors.ts';
import type { Entry } from '#store/entry.ts';
import type { Call, Services } from './call.ts';
import { remove } from './delete.ts';
import type { DeleteOptions } from './delete-options.ts';

/** Objects whose deletions share a commit; between batches others get their turn. */
const batch = 250;

/** Deletes every object that is still there. Rejects with the first refusal after trying all. */
export async function deleteCollection(
  services: Services,
  kind: KindDefinition,
  entries: readonly Entry[],
  options: DeleteOptions,
  call?: Call,
): Promise<void> {
  const refusals: unknown[] = [];
  for (let at = 0; at < entries.length; at += batch) {
    const results = await Promise.allSettled(
      entries.slice(at, at + batch).map((entry) => remove(services, kind, entry, options, call)),
    );
    for (const result of results) {
      const missing =
        result.status === 'rejected' && result.reason instanceof ApiError && result.reason.code === 404;
      if (result.status === 'rejected' && !missing) {
        refusals.push(result.reason);
      }
    }
  }
  if (refusals.length > 0) {
    throw refusals[0];
  }
}
