import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { apiVersionOf } from '../src/api/kind.ts';
import { kinds } from '../src/api/kinds.ts';
import type { KubeObject } from '../src/api/meta.ts';
import { requestFor } from '../src/api/testing.ts';
import { processObject } from '../src/apiserver/schema/process.ts';

const root = join(import.meta.dirname, '..', 'examples');
const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.yaml'),
);

/** What the server would make of a manifest on an empty cluster. */
function admit(manifest: KubeObject) {
  const kind = kinds.find((one) => one.kind === manifest.kind && apiVersionOf(one) === manifest.apiVersion);
  if (kind === undefined) throw new Error(`no kind ${manifest.apiVersion} ${manifest.kind}`);
  const { object, causes, unknownFields } = processObject(kind, manifest, {
    operation: 'CREATE',
    fieldValidation: 'Strict',
  });
  const request = requestFor(object);
  const mutated = kind.mutate?.(request) ?? object;
  const refused = kind.validate?.({ ...request, object: mutated }) ?? [];
  return { causes: [...causes, ...refused], unknownFields };
}

describe('examples', () => {
  it('are there', () => {
    expect(files.length).toBeGreaterThanOrEqual(10);
  });

  it.each(files)('%s is accepted without unknown fields', (name) => {
    for (const document of parseAllDocuments(readFileSync(join(root, name), 'utf8'))) {
      expect(admit(document.toJS() as KubeObject)).toEqual({ causes: [], unknownFields: [] });
    }
  });
});
