import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { JsonRpcConnection, JsonRpcError } from './json-rpc.ts';

/** A connection and the peer's end of it: what was received so far, and a way to send. */
function connect(options: ConstructorParameters<typeof JsonRpcConnection>[1] = {}) {
  const [ours, theirs] = duplexPair();
  const received: Record<string, unknown>[] = [];
  theirs.on('data', (chunk: Buffer) => {
    received.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
  });
  const arrived = (count: number) => expect.poll(() => received.length, { interval: 1 }).toBe(count);
  const send = (...messages: unknown[]): boolean =>
    theirs.write(messages.map((m) => JSON.stringify(m)).join(''));
  return { connection: new JsonRpcConnection(ours, options), received, arrived, send, theirs };
}

describe('JsonRpcConnection', () => {
  it('matches answers with requests in any order', async () => {
    const { connection, received, arrived, send } = connect();
    const both = [connection.request('a', [1]), connection.request('b', [])];
    await arrived(2);
    expect(received).toEqual([
      { method: 'a', params: [1], id: 1 },
      { method: 'b', params: [], id: 2 },
    ]);
    send({ id: 2, result: 'B', error: null }, { id: 1, result: 'A', error: null });
    expect(await Promise.all(both)).toEqual(['A', 'B']);
  });

  it('answers echo and refuses other requests', async () => {
    const { received, arrived, send } = connect();
    send({ method: 'echo', params: ['x'], id: 'echo' }, { method: 'steal', params: [], id: 7 });
    await arrived(2);
    expect(received).toEqual([
      { id: 'echo', result: ['x'], error: null },
      { id: 7, result: null, error: { error: 'unknown method', details: 'steal' } },
    ]);
  });

  it('tells notifications before an answer that follows them', async () => {
    const seen: unknown[] = [];
    const { connection, arrived, send } = connect({
      onNotification: (method, params) => seen.push([method, ...params]),
    });
    const answer = connection.request('transact', []).then((result) => seen.push(result));
    await arrived(1);
    send({ method: 'update', params: [1], id: null }, { id: 1, result: 'done', error: null });
    await answer;
    expect(seen).toEqual([['update', 1], 'done']);
  });

  it('rejects with the error of the peer', async () => {
    const { connection, arrived, send } = connect();
    const refused = connection.request('get_schema', ['x']);
    await arrived(1);
    send({ id: 1, result: null, error: { error: 'unknown database' } });
    await expect(refused).rejects.toThrow(JsonRpcError);
    await expect(refused).rejects.toThrow('get_schema: peer answered error {"error":"unknown database"}');
  });

  it('gives up on time, and ignores the late answer', async () => {
    const { connection, send } = connect();
    await expect(connection.request('slow', [], 1)).rejects.toThrow('slow: no answer within 1 ms');
    const next = connection.request('next', []);
    send({ id: 1, result: 'late', error: null }, { id: 2, result: 'ok', error: null });
    expect(await next).toBe('ok');
  });

  it('bounds what waits', async () => {
    const { connection } = connect({ maxPending: 1 });
    const first = connection.request('a', []);
    await expect(connection.request('b', [])).rejects.toThrow('1 requests wait for answers already');
    connection.close();
    await expect(first).rejects.toThrow('closed by this side');
  });

  it.each([
    ['goes away', (theirs: Duplex) => theirs.end(), 'the peer closed'],
    ['speaks no JSON-RPC', (theirs: Duplex) => theirs.write('HTTP/1.1'), 'byte 0x48'],
  ])('rejects all that waits when the peer %s', async (_, act, message) => {
    const { connection, theirs } = connect();
    const waiting = connection.request('a', []);
    act(theirs);
    await expect(waiting).rejects.toThrow(message);
    expect((await connection.closed).message).toContain(message);
    await expect(connection.request('b', [])).rejects.toThrow(message);
  });
});
