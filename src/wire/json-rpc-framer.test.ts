import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonFramer } from './json-rpc-framer.ts';

describe('JsonFramer', () => {
  it('returns every message however the stream is cut', () => {
    // Small, and with units of its own (those of fast-check take a second to be made): the machine may be busy.
    const unit = fc.nat(0x10_ff_ff).map((code) => String.fromCodePoint(code));
    const value = fc.jsonValue({ maxDepth: 2 });
    const message = fc.oneof(
      fc.dictionary(fc.string({ unit, maxLength: 5 }), value, { maxKeys: 3 }),
      fc.array(value, { maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
        (messages, cuts) => {
          const texts = messages.map((m) => JSON.stringify(m));
          const stream = Buffer.from(texts.join(''));
          const framer = new JsonFramer();
          const seen: unknown[] = [];
          for (let at = 0, i = 0; at < stream.length; i += 1) {
            const length = cuts[i % cuts.length] ?? 1;
            seen.push(...framer.push(stream.subarray(at, at + length)));
            at += length;
          }
          expect(seen.map((m) => JSON.stringify(m))).toEqual(texts.map((t) => JSON.stringify(JSON.parse(t))));
        },
      ),
    );
  });

  it('takes white space between messages and braces, quotes and backslashes inside strings', () => {
    const framer = new JsonFramer();
    expect(framer.push(Buffer.from(' {"a":"}{\\"\\\\"}\n\t["]"]\r\n'))).toEqual([{ a: '}{"\\' }, [']']]);
  });

  it.each([
    ['text between messages', '{}x', /byte 0x78/],
    ['a bare string', '"a"', /byte 0x22/],
    ['brackets that do not match', '{]', /no JSON/],
    ['a message over the limit', '{"a":"bbbbbbbbbbbb', /longer than the 16 bytes/],
  ])('refuses %s', (_, text, message) => {
    expect(() => new JsonFramer(16).push(Buffer.from(text))).toThrow(message);
  });

  it('applies the limit to one message, not to the stream', () => {
    const framer = new JsonFramer(16);
    expect(framer.push(Buffer.from('{"a":1}'.repeat(10)))).toHaveLength(10);
  });
});
