import { type Duplex, duplexPair } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { JsonFramer } from '../json-rpc-framer.ts';
import type { RowChange } from './cache.ts';
import { OvsdbClient } from './client.ts';
import { setOf, stringOf } from './codec.ts';

const SCHEMA = {
  name: 'Test',
  version: '1.0.0',
  tables: {
    Item: {
      columns: {
        name: { type: 'string' },
        tags: { type: { key: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
};
const [A, B] = ['00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b'];
const FIRST = '11111111-0000-0000-0000-000000000000';
const SECOND = '22222222-0000-0000-0000-000000000000';
const NONE = '00000000-0000-0000-0000-000000000000';

type Request = { readonly method: string; readonly params: readonly unknown[]; readonly id: number };
type Answer = { readonly result?: unknown; readonly error?: unknown; readonly more?: readonly unknown[] };

/** A server that answers by script; every connection is kept so that it can be cut. */
class ScriptedServer {
  readonly requests: Request[] = [];
  readonly connections: Duplex[] = [];
  readonly #answer: (request: Request) => Answer;

  constructor(answer: (request: Request) => Answer) {
    this.#answer = answer;
  }

  readonly connect = async (): Promise<Duplex> => {
    const [ours, theirs] = duplexPair();
    const framer = new JsonFramer();
    this.connections.push(theirs);
    theirs.on('data', (chunk: Buffer) => {
      for (const message of framer.push(chunk)) {
        const request = message as Request;
        this.requests.push(request);
        const { result = null, error = null, more = [] } = this.#answer(request);
        // One write: what follows the answer arrives in the same read.
        theirs.write([{ id: request.id, result, error }, ...more].map((m) => JSON.stringify(m)).join(''));
      }
    });
    return ours;
  };

  notify(method: string, params: readonly unknown[]): void {
    this.connections.at(-1)?.write(JSON.stringify({ method, params, id: null }));
  }
}

describe('OvsdbClient', () => {
  let end = new AbortController();
  afterEach(() => {
    end.abort();
    end = new AbortController();
  });
  const open = (server: ScriptedServer): OvsdbClient =>
    new OvsdbClient({
      remote: server.connect,
      database: 'Test',
      tables: {
        Item: {
          columns: ['name', 'tags', 'unknown'],
          indexes: { tag: (row) => setOf(row, 'tags').map(String) },
        },
      },
      signal: end.signal,
      backoffMs: { first: 1, longest: 1 },
    });
  const names = (client: OvsdbClient): string[] =>
    [...client.table('Item').rows()].map((row) => stringOf(row, 'name'));
  const initial = (name: string) => ({ initial: { name } });

  it('asks only for what it missed after a reconnect', async () => {
    let monitors = 0;
    const server = new ScriptedServer(({ method }) => {
      if (method === 'get_schema') {
        return { result: SCHEMA };
      }
      monitors += 1;
      return monitors === 1
        ? { result: [false, FIRST, { Item: { [A]: initial('a'), [B]: initial('b') } }] }
        : { result: [true, SECOND, { Item: { [A]: { modify: { name: 'a2' } }, [B]: { delete: null } } }] };
    });
    const client = open(server);
    await client.ready;
    expect(names(client)).toEqual(['a', 'b']);
    server.connections[0]?.end();
    await client.waitFor(() => names(client)[0] === 'a2' || undefined);
    expect(names(client)).toEqual(['a2']);
    const asked = server.requests
      .filter(({ method }) => method === 'monitor_cond_since')
      .map(({ params }) => params[3]);
    expect(asked).toEqual([NONE, FIRST]);
    expect(server.requests[1]?.params[2]).toEqual({ Item: [{ columns: ['name', 'tags'] }] });
  });

  it('tells only differences when the server sends everything again', async () => {
    let monitors = 0;
    const server = new ScriptedServer(({ method }) => {
      monitors += method === 'get_schema' ? 0 : 1;
      const rows = monitors === 1 ? { [A]: initial('a'), [B]: initial('b') } : { [A]: initial('a') };
      return { result: method === 'get_schema' ? SCHEMA : [false, NONE, { Item: rows }] };
    });
    const client = open(server);
    await client.ready;
    const changes: RowChange[] = [];
    client.subscribe((batch) => changes.push(...batch));
    server.connections[0]?.end();
    await client.waitFor(() => names(client).length === 1 || undefined);
    expect(changes.map(({ uuid, row }) => [uuid, row])).toEqual([[B, undefined]]);
  });

  it('falls back to monitor_cond for servers that know no more', async () => {
    const server = new ScriptedServer(({ method }) => {
      if (method === 'monitor_cond_since') {
        return { error: { error: 'unknown method', details: method } };
      }
      return { result: method === 'get_schema' ? SCHEMA : { Item: { [A]: initial('a') } } };
    });
    const client = open(server);
    await client.ready;
    server.notify('update2', ['patchbay', { Item: { [A]: { modify: { tags: ['set', ['x', 'y']] } } } }]);
    await client.waitFor(() => client.table('Item').byIndex('tag', 'y')[0]);
    expect(client.table('Item').get(A)).toEqual({ _uuid: A, name: 'a', tags: ['x', 'y'] });
  });

  it('keeps the order when an update comes in one read with the first copy', async () => {
    const update = { Item: { [A]: { modify: { name: 'later' } } } };
    const server = new ScriptedServer(({ method }) =>
      method === 'get_schema'
        ? { result: SCHEMA }
        : {
            result: [false, FIRST, { Item: { [A]: initial('a') } }],
            more: [{ method: 'update3', params: ['patchbay', SECOND, update], id: null }],
          },
    );
    const client = open(server);
    await client.waitFor(() => names(client)[0] === 'later' || undefined);
  });

  it('fetches everything again after an update that does not fit', async () => {
    const server = new ScriptedServer(({ method }) => ({
      result: method === 'get_schema' ? SCHEMA : [false, FIRST, { Item: { [A]: initial('a') } }],
    }));
    const client = open(server);
    await client.ready;
    server.notify('update3', ['patchbay', SECOND, { Item: { [B]: { modify: { name: 'never sent' } } } }]);
    await expect
      .poll(() => server.requests.filter(({ method }) => method === 'monitor_cond_since').at(-1)?.params[3])
      .toBe(NONE);
    await client.waitFor(() => client.connected || undefined);
    expect(names(client)).toEqual(['a']);
  });

  it('does not reach a server: waits, then says so', async () => {
    const reasons: string[] = [];
    const client = new OvsdbClient({
      remote: 'unix:/nonexistent/db.sock',
      database: 'Test',
      tables: {},
      signal: end.signal,
      timeoutMs: 20,
      onDisconnect: (reason) => reasons.push(reason.message),
    });
    await expect(client.transact([])).rejects.toThrow('Test (not connected): nothing within 20 ms');
    expect(reasons[0]).toContain('cannot connect to /nonexistent/db.sock');
    expect(() => client.table('Other')).toThrow('table Other is not monitored');
  });

  it('refuses remotes it does not speak', () => {
    const make = () =>
      new OvsdbClient({ remote: 'ssl:1.2.3.4', database: 'T', tables: {}, signal: end.signal });
    expect(make).toThrow('OVSDB remote "ssl:1.2.3.4": allowed is unix:/ABSOLUTE/PATH');
  });
});
