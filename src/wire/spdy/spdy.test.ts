import { type Duplex, duplexPair } from 'node:stream';
import { constants, createDeflate } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerDictionary } from './dictionary.ts';
import { decodeHeaders, encodeFrame, encodeHeaders, type Frame, FrameReader } from './frames.ts';
import { serveSpdy } from './session.ts';

type Written = Exclude<Frame, { type: 'other' }>;

const stream = fc.integer({ min: 1, max: 0x7fffffff });
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const frame: fc.Arbitrary<Written> = fc.oneof(
  fc.record({ type: fc.constant('data' as const), stream, fin: fc.boolean(), payload: bytes }),
  fc.record({ type: fc.constant('syn-stream' as const), stream, fin: fc.boolean(), headers: bytes }),
  fc.record({ type: fc.constant('syn-reply' as const), stream, fin: fc.boolean(), headers: bytes }),
  fc.record({ type: fc.constant('reset' as const), stream, status: fc.integer({ min: 1, max: 11 }) }),
  fc.record({ type: fc.constant('ping' as const), id: stream }),
  fc.constant({ type: 'goaway' as const }),
);

describe('frames', () => {
  it('are read as written, however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.integer({ min: 1, max: 40 }), (frames, size) => {
        const all = Buffer.concat(frames.map(encodeFrame));
        const reader = new FrameReader();
        const read: Frame[] = [];
        for (let at = 0; at < all.length; at += size) read.push(...reader.push(all.subarray(at, at + size)));
        expect(read).toEqual(frames);
      }),
    );
  });

  it('of hostile bytes are refused or ignored, never believed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (raw) => {
        try {
          new FrameReader().push(Buffer.from(raw));
          decodeHeaders(Buffer.from(raw));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
    );
  });

  it('carry header blocks', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z-]{1,9}$/), fc.string()), (fields) => {
        const headers = new Map(Object.entries(fields));
        expect(decodeHeaders(encodeHeaders(headers))).toEqual(headers);
      }),
    );
  });
});

/** A client's end of a connection: sends frames with compressed headers, collects data by stream. */
function client(): {
  readonly server: Duplex;
  readonly send: (frame: Written) => void;
  readonly got: Map<number, string>;
} {
  const [near, server] = duplexPair();
  const reader = new FrameReader();
  const got = new Map<number, string>();
  near.on('data', (chunk: Buffer) => {
    for (const each of reader.push(chunk)) {
      if (each.type === 'data')
        got.set(each.stream, `${got.get(each.stream) ?? ''}${each.payload.toString()}${each.fin ? '|' : ''}`);
    }
  });
  return { server, send: (each) => near.write(encodeFrame(each)), got };
}

async function compressed(
  deflate: ReturnType<typeof createDeflate>,
  fields: Readonly<Record<string, string>>,
): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const collect = (chunk: Buffer): void => void chunks.push(chunk);
    deflate.on('data', collect);
    deflate.write(encodeHeaders(new Map(Object.entries(fields))), () =>
      deflate.flush(constants.Z_SYNC_FLUSH, () => {
        deflate.off('data', collect);
        resolve(Buffer.concat(chunks));
      }),
    );
  });
}

describe('a session', () => {
  it('opens streams with their headers and echoes what they carry', async () => {
    const { server, send, got } = client();
    const opened: string[] = [];
    serveSpdy(server, (headers, each) => {
      opened.push(`${headers.get('streamtype')} ${headers.get('port')}`);
      each.pipe(each);
    });
    const deflate = createDeflate({ dictionary: headerDictionary });
    for (const [id, type] of [
      [1, 'error'],
      [3, 'data'],
    ] as const) {
      const headers = await compressed(deflate, { streamtype: type, port: '8080' });
      send({ type: 'syn-stream', stream: id, fin: false, headers });
    }
    send({ type: 'data', stream: 3, fin: false, payload: Buffer.from('hello ') });
    send({ type: 'data', stream: 3, fin: true, payload: Buffer.from('world') });
    await expect.poll(() => got.get(3)).toBe('hello world|');
    expect(opened).toEqual(['error 8080', 'data 8080']);
    server.destroy();
  });

  it('ends with a connection that breaks the protocol', async () => {
    const { server, send } = client();
    serveSpdy(server, () => undefined);
    send({ type: 'syn-stream', stream: 1, fin: false, headers: Buffer.from('no zlib') });
    await expect.poll(() => server.destroyed).toBe(true);
  });
});
