/** Random input for what reads clients' words: each word is understood or refused as the client's fault, quickly. */
import * as fc from 'fast-check';
import { configMap } from '#api/core/config-map.ts';
import { decodeBody } from '#apiserver/http/body.ts';
import { applyJsonPatch } from '#apiserver/patch/json.ts';
import { parseFieldSelector } from '#apiserver/selectors/fields.ts';
import { parseLabelSelector } from '#apiserver/selectors/labels.ts';
import { ApiError, PatchbayError } from '#machinery/errors.ts';
import type { Run } from './trial.ts';

/** Refusals that are answered with 4xx. */
const clientsFault = new Set(['BadRequest', 'Invalid', 'RequestEntityTooLarge', 'UnsupportedMediaType']);

/** Text near to what is meant: pieces of the language, and noise. */
const near = (...words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...words) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
      ),
      {
        maxLength: 40,
      },
    )
    .map((parts) => parts.join(''));

const jsonText = fc.oneof(
  fc.json({ maxDepth: 8 }),
  near(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"__proto__"',
    '"\\u005f',
    '\\',
    '"',
    '1e309',
    '-',
    'null',
    'true',
    ' ',
  ),
);
const yamlText = near(
  'a',
  ': ',
  '\n',
  '- ',
  '  ',
  '&a ',
  '*a',
  '<<',
  '!!binary ',
  '{',
  '}',
  '[',
  ']',
  '|',
  '>',
  '"',
  '? ',
  '---\n',
  '0o7',
  '1_0',
  '~',
);
const pointer = near('/', '~0', '~1', '-', '0', '1', 'a', '__proto__', 'constructor', 'data', '01');
const operation = fc.record({
  op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
  path: pointer,
  from: pointer,
  value: fc.jsonValue({ maxDepth: 3 }),
});

const properties: Readonly<Record<string, fc.IRawProperty<unknown, false>>> = {
  'JSON bodies': fc.property(jsonText, (text) =>
    refusesWell(() => decodeBody(Buffer.from(text), 'application/json')),
  ),
  'YAML bodies': fc.property(yamlText, (text) =>
    refusesWell(() => decodeBody(Buffer.from(text), 'application/yaml')),
  ),
  'protobuf bodies': fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) =>
    refusesWell(() =>
      decodeBody(
        Buffer.concat([Buffer.from([0x6b, 0x38, 0x73, 0]), bytes]),
        'application/vnd.kubernetes.protobuf',
      ),
    ),
  ),
  'raw bytes': fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
    refusesWell(() => decodeBody(Buffer.from(bytes), 'application/json')),
  ),
  'label selectors': fc.property(
    near('a', 'a/b', '=', '==', '!=', '!', ' in ', ' notin ', '(', ')', ',', ' ', 'x.y-z', '_'),
    (text) => refusesWell(() => parseLabelSelector(text)({ a: 'b' })),
  ),
  'field selectors': fc.property(near('metadata.name', 'a', '=', '==', '!=', ',', '\\', '\\,', ' '), (text) =>
    refusesWell(() => parseFieldSelector(text, configMap)),
  ),
  'JSON patches': fc.property(
    fc.jsonValue({ maxDepth: 4 }),
    fc.array(operation, { maxLength: 12 }),
    (doc, patch) => refusesWell(() => applyJsonPatch(doc, patch)),
  ),
};

function refusesWell(read: () => unknown): void {
  const started = performance.now();
  try {
    read();
  } catch (error) {
    const refusal =
      error instanceof ApiError
        ? error.code >= 400 && error.code < 500
        : error instanceof PatchbayError && clientsFault.has(error.reason);
    if (!refusal) {
      throw error;
    }
  }
  const ms = performance.now() - started;
  if (ms > 100) {
    throw new Error(`took ${ms.toFixed(0)} ms`);
  }
  if (Object.hasOwn(Object.prototype, 'polluted')) {
    throw new Error('Object.prototype was changed');
  }
}

/** Tries for some seconds in all. */
export function fuzz(run: Run, seconds: number): void {
  const names = Object.entries(properties);
  for (const [name, property] of names) {
    const { failed, counterexample, numRuns, errorInstance } = fc.check<unknown>(property, {
      seed: run.plan.seed,
      numRuns: 10_000_000,
      interruptAfterTimeLimit: (seconds * 1_000) / names.length,
    });
    run.count('fuzzed inputs', numRuns);
    run.check(!failed, () => `${name}: ${JSON.stringify(counterexample)}: ${String(errorInstance)}`);
  }
}
