import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { channels, decodeChannel, decodeResize, encodeChannel, exitStatus } from './websocket-channels.ts';

describe('channels', () => {
  it('reads what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 254 }), fc.uint8Array(), (channel, payload) => {
        expect(decodeChannel(encodeChannel(channel, payload))).toEqual({
          type: 'data',
          channel,
          payload: Buffer.from(payload),
        });
      }),
    );
  });

  it('reads any bytes without failing', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        decodeChannel(Buffer.from(bytes));
        decodeResize(Buffer.from(bytes));
      }),
    );
  });

  it('closes one channel', () => {
    expect(decodeChannel(Buffer.of(channels.close, 0))).toEqual({ type: 'close', channel: 0 });
    expect(decodeChannel(Buffer.of(channels.close))).toBeUndefined();
    expect(decodeChannel(Buffer.alloc(0))).toBeUndefined();
  });

  it.each([
    ['{"Width":80,"Height":24}', { width: 80, height: 24 }],
    ['{"Width":0,"Height":24}', undefined],
    ['{"Width":70000,"Height":24}', undefined],
    ['null', undefined],
    ['{', undefined],
  ])('reads the size %s', (text, size) => {
    expect(decodeResize(Buffer.from(text))).toEqual(size);
  });

  it('tells exit codes as clients expect them', () => {
    expect(exitStatus(0)).toEqual({ metadata: {}, status: 'Success' });
    expect(exitStatus(7)).toMatchObject({
      reason: 'NonZeroExitCode',
      details: { causes: [{ reason: 'ExitCode', message: '7' }] },
    });
  });
});
