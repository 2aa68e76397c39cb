import { describe, expect, it } from 'vitest';
import { refusal } from './call.ts';
import { type Review, verdictOf } from './review.ts';

const v1: Review = { uid: 'u', version: 'v1', text: '' };
const v1beta1: Review = { uid: 'u', version: 'v1beta1', text: '' };
const patch = Buffer.from('[]').toString('base64');
const answer = (response: object) => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  response: { uid: 'u', ...response },
});

describe('answers to reviews', () => {
  it.each<[string, unknown, boolean, string]>([
    ['nothing', {}, true, 'webhook response was absent'],
    ['text', 'hello', true, 'webhook response was absent'],
    ['another uid', answer({ uid: 'x' }), true, 'expected response.uid="u", got "x"'],
    [
      'another kind',
      { ...answer({}), kind: 'Review' },
      true,
      'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got admission.k8s.io/v1, Kind=Review',
    ],
    [
      'a patch of no type',
      answer({ patch }),
      true,
      'webhook returned response.patch but not response.patchType',
    ],
    [
      'a type of no patch',
      answer({ patchType: 'JSONPatch' }),
      true,
      'webhook returned response.patchType but not response.patch',
    ],
    [
      'another type of patch',
      answer({ patch, patchType: 'Merge' }),
      true,
      'webhook returned invalid response.patchType of "Merge"',
    ],
    [
      'a patch where none may be',
      answer({ patch }),
      false,
      'validating webhook may not return response.patch',
    ],
  ])('%s is refused', (_what, given, mutating, words) => {
    expect(() => verdictOf(v1, mutating, given)).toThrow(words);
  });

  it('of the older version need neither uid nor type', () => {
    expect(verdictOf(v1beta1, true, { response: { allowed: true, patch } })).toMatchObject({
      allowed: true,
      patch: '[]',
      patchType: 'JSONPatch',
    });
  });

  it('that are not true are refusals', () => {
    expect(verdictOf(v1, false, answer({ allowed: 'yes' })).allowed).toBe(false);
  });
});

it.each([
  [{ message: 'm', reason: 'Forbidden', code: 403 }, ': m', 403],
  [{ reason: 'Forbidden', code: 99 }, ': Forbidden', 400],
  [{ code: 200, status: 'Success' }, ' without explanation', 400],
  [{ code: 1000 }, ' without explanation', 400],
])('a refusal of %j', (given, words, code) => {
  const status = refusal('a.b.c', given);
  expect(status).toMatchObject({
    status: 'Failure',
    message: `admission webhook "a.b.c" denied the request${words}`,
    code,
  });
});
