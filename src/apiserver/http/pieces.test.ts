import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { outgoing } from './exchange.ts';
import { ClientGone, sendPieces } from './pieces.ts';

/** A server that answers one request with these pieces; tells how that ended and how often they were released. */
async function answering(pieces: () => Iterable<string>) {
  let released = 0;
  const ended = Promise.withResolvers<unknown>();
  const server = createServer((request, response) => {
    const release = (): void => {
      released += 1;
    };
    const answer = { code: 200, pieces: pieces(), release };
    sendPieces(request, outgoing(response), answer, async (make) => make()).then(
      (bytes) => ended.resolve(`${bytes} bytes`),
      ended.resolve,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  const stop = async () => {
    server.close();
    return [await ended.promise, released] as const;
  };
  return { answer, stop };
}

test('a long answer arrives whole, and what it was made of is released once', async () => {
  const { answer, stop } = await answering(() => ['[', '"ü",'.repeat(100_000), '1]']);
  expect(JSON.parse((await answer.toArray()).join('')).length).toBe(100_001);
  expect(await stop()).toEqual(['500003 bytes', 1]);
});

test('a client that leaves ends the making of its answer', async () => {
  const endless = function* (): Generator<string> {
    for (;;) {
      yield 'x'.repeat(100_000);
    }
  };
  const { answer, stop } = await answering(endless);
  answer.on('error', () => undefined);
  answer.destroy();
  expect(await stop()).toEqual([expect.any(ClientGone), 1]);
});

test('an answer that cannot be finished does not look like a whole one', async () => {
  const broken = function* (): Generator<string> {
    yield `["${'x'.repeat(100_000)}",`;
    throw new Error('the disk is gone');
  };
  const { answer, stop } = await answering(broken);
  await expect(answer.toArray()).rejects.toThrow(/aborted/);
  expect(await stop()).toEqual([expect.objectContaining({ message: 'the disk is gone' }), 1]);
});
