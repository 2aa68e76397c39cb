import { createRequire } from 'node:module';
import { PatchbayError } from '#machinery/errors.ts';

type Re2 = typeof import('re2js');

// Loaded when the first pattern is used: its Unicode tables take memory that most processes never need.
let library: Re2 | undefined;

function re2(): Re2 {
  library ??= createRequire(import.meta.url)('re2js') as Re2;
  return library;
}

const MAX_CACHED = 1000;
const cache = new Map<string, (text: string) => boolean>();

/**
 * A test for a pattern of a schema or a CEL rule, in RE2's syntax and linear time whatever the pattern (a schema may come
 * from a user). Not anchored, as upstream.
 * @throws PatchbayError `InvalidPattern` when RE2 does not know the syntax, such as look-ahead.
 */
export function patternTest(pattern: string): (text: string) => boolean {
  const known = cache.get(pattern);
  if (known !== undefined) {
    return known;
  }
  const test = compile(pattern);
  if (cache.size >= MAX_CACHED) {
    cache.clear();
  }
  cache.set(pattern, test);
  return test;
}

function compile(pattern: string): (text: string) => boolean {
  try {
    const compiled = re2().RE2JS.compile(pattern);
    return (text) => compiled.matcher(text).find();
  } catch (error) {
    throw new PatchbayError('InvalidPattern', `invalid regular expression ${JSON.stringify(pattern)}`, {
      cause: error,
      retryable: false,
    });
  }
}
