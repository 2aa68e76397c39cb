import type { ObjectMeta } from '#api/meta.ts';
import type { Patch } from './api-client.ts';
import { createMergePatch } from './merge-patch.ts';

/** What goes into the same write besides the status. */
export interface StatusPatchOptions {
  /** Labels or annotations to merge. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * Version that `from` was read at. Lists are replaced whole, so a patch that holds one is fenced by it: a condition
   * that somebody else set meanwhile makes a conflict instead of being lost.
   */
  readonly resourceVersion?: ObjectMeta['resourceVersion'];
}

/** The merge patch that turns an object's status `from` into `to`; undefined when nothing changed, so that nothing is written. */
export function statusPatch(from: unknown, to: unknown, options: StatusPatchOptions = {}): Patch | undefined {
  const { metadata, resourceVersion } = options;
  const status = createMergePatch(from ?? {}, to ?? {});
  if (status === undefined && metadata === undefined) {
    return undefined;
  }
  const fence = resourceVersion !== undefined && holdsList(status) ? { resourceVersion } : {};
  const meta = { ...metadata, ...fence };
  return {
    type: 'merge',
    body: {
      ...(Object.keys(meta).length === 0 ? {} : { metadata: meta }),
      ...(status === undefined ? {} : { status }),
    },
  };
}

function holdsList(value: unknown): boolean {
  return (
    Array.isArray(value) ||
    (typeof value === 'object' && value !== null && Object.values(value).some(holdsList))
  );
}
