import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Entry } from '#store/entry.ts';
import { encoder, metadataTextOf } from './objects.ts';

test('metadata is cut out of any object as it is', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
      fc.string({ unit: fc.constantFrom('"', '\\', '{', '}', 'a') }),
      (annotations, word) => {
        const metadata = { name: word, namespace: 'n', annotations: { ...annotations, word } };
        const object = { apiVersion: 'v1', kind: 'A', metadata, data: { metadata: '{"metadata":{}}' } };
        const entry = new Entry(
          { resource: 'a', namespace: 'n', name: 'n' },
          7,
          false,
          encoder(object)(7),
          undefined,
          0,
        );
        const expected = JSON.parse(JSON.stringify({ ...metadata, resourceVersion: '7' })) as unknown;
        expect(JSON.parse(metadataTextOf(entry))).toEqual(expected);
      },
    ),
  );
});
