import type { Patch } from './api-client.ts';
import { createMergePatch } from './merge-patch.ts';

/**
 * The merge patch that turns an object's status `from` into `to`; undefined when nothing changed, so that nothing is
 * written. `metadata` (labels, annotations) goes into the same write.
 */
export function statusPatch(
  from: unknown,
  to: unknown,
  metadata?: Readonly<Record<string, unknown>>,
): Patch | undefined {
  const status = createMergePatch(from ?? {}, to ?? {});
  if (status === undefined && metadata === undefined) {
    return undefined;
  }
  return {
    type: 'merge',
    body: {
      ...(metadata === undefined ? {} : { metadata }),
      ...(status === undefined ? {} : { status }),
    },
  };
}
