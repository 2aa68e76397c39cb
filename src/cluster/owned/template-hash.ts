import type { PodTemplateSpec } from '#api/core/pod-template.ts';
import { equal } from '#machinery/merge-patch.ts';

export const podTemplateHashLabel = 'pod-template-hash';

/** As upstream's SafeEncodeString: letters and digits that spell no words. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A short name for a template, the same for equal templates: FNV-1a (32 bit) over its JSON with sorted keys.
 * `collisions` is counted up when the name is taken by another template.
 */
export function templateHash(template: PodTemplateSpec, collisions = 0): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(`${sortedJson(template)}${collisions === 0 ? '' : collisions}`)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  return [...String(hash)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

/** Whether two templates make the same pods: the label with their hash does not count. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return equal(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [podTemplateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

function sortedJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
