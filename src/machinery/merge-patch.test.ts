import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyMergePatch, createMergePatch, equal } from './merge-patch.ts';
import { statusPatch } from './status-patch.ts';

/** JSON without null: a merge patch cannot write null. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), tie('value')),
})).object;

describe('merge patch', () => {
  it('turns any object into any other', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        expect(applyMergePatch(from, createMergePatch(from, to) ?? {})).toEqual(to);
      }),
    );
  });

  it('is undefined for equal objects, and only for those', () => {
    fc.assert(
      fc.property(json, json, (from, to) => {
        expect(createMergePatch(from, structuredClone(from))).toBeUndefined();
        expect(createMergePatch(from, to) === undefined).toBe(equal(from, to));
      }),
    );
  });

  it.each([
    [{ a: 1, b: { c: 1, d: 2 } }, { a: 1, b: { c: 3, d: 2 } }, { b: { c: 3 } }],
    [{ a: 1 }, {}, { a: null }],
    [{ a: [1, 2] }, { a: [1] }, { a: [1] }],
    [{ a: { b: 1 } }, { a: 'x' }, { a: 'x' }],
    [{ a: 1, b: undefined }, { a: 1 }, undefined],
    [{}, { a: undefined }, undefined],
    [{ a: [{ b: undefined }] }, { a: [{}] }, undefined],
  ])('from %j to %j is %j', (from, to, patch) => {
    expect(createMergePatch(from, to)).toEqual(patch);
  });
});

describe('statusPatch', () => {
  it.each([
    ['no change', { a: 1 }, { a: 1 }, {}, undefined],
    ['from nothing to nothing', undefined, undefined, {}, undefined],
    ['a value', { a: 1 }, { a: 2 }, { resourceVersion: '7' }, { status: { a: 2 } }],
    [
      'a list, fenced',
      { a: [1] },
      { a: [2] },
      { resourceVersion: '7' },
      { metadata: { resourceVersion: '7' }, status: { a: [2] } },
    ],
    [
      'metadata alone',
      { a: 1 },
      { a: 1 },
      { metadata: { labels: { x: 'y' } } },
      { metadata: { labels: { x: 'y' } } },
    ],
    [
      'both',
      {},
      { a: 1 },
      { metadata: { labels: { x: 'y' } } },
      { metadata: { labels: { x: 'y' } }, status: { a: 1 } },
    ],
  ])('%s', (_name, from, to, options, body) => {
    expect(statusPatch(from, to, options)?.body).toEqual(body);
  });
});
