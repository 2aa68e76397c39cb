import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RowChange } from '#wire/ovsdb/cache.ts';
import { OvsdbClient } from '#wire/ovsdb/client.ts';
import { stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { byUuid, TransactionError } from '#wire/ovsdb/transaction.ts';
import { OVN_NB_SCHEMA, type OvsdbServer, startOvsdb, startRelay } from './support/ovsdb.ts';

const NB = {
  database: 'OVN_Northbound',
  tables: {
    Logical_Switch: {
      columns: ['name', 'ports', 'other_config'],
      indexes: { name: (row: Parameters<typeof stringOf>[0]) => [stringOf(row, 'name')] },
    },
    Logical_Switch_Port: {},
    NB_Global: {},
  },
} as const;

describe('OvsdbClient against ovsdb-server', () => {
  let server: OvsdbServer;
  let end: AbortController;
  beforeAll(async () => {
    server = await startOvsdb(OVN_NB_SCHEMA);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    end = new AbortController();
  });
  afterEach(async () => {
    const cleaner = new OvsdbClient({ ...NB, remote: server.remote, signal: end.signal });
    await cleaner.ready;
    await cleaner.transact([
      { op: 'delete', table: 'Logical_Switch', where: [] },
      { op: 'delete', table: 'NB_Global', where: [] },
    ]);
    end.abort();
  });
  const open = async (remote: OvsdbServer['remote'] = server.remote): Promise<OvsdbClient> => {
    const client = new OvsdbClient({ ...NB, remote, signal: end.signal });
    await client.ready;
    return client;
  };

  it('sees its own transaction at once and another client sees it soon', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    await a.transact([
      { op: 'insert', table: 'Logical_Switch_Port', row: { name: 'p1', addresses: ['x', 'a'] }, name: 'p1' },
      {
        op: 'insert',
        table: 'Logical_Switch',
        row: { name: 'sw', ports: ['p1'], other_config: { mtu: '1400' } },
      },
    ]);
    const [row] = a.table('Logical_Switch').byIndex('name', 'sw');
    const [port] = [...a.table('Logical_Switch_Port').rows()];
    expect(row).toEqual({
      _uuid: row?._uuid,
      name: 'sw',
      ports: [port?._uuid],
      other_config: { mtu: '1400' },
    });
    expect(port).toMatchObject({ name: 'p1', addresses: ['a', 'x'], up: [], options: {} });
    const seen = await b.waitFor(() => b.table('Logical_Switch').byIndex('name', 'sw')[0]);
    expect(seen).toEqual(row);
  });

  it('applies differences of sets, maps, optional and scalar columns', async () => {
    const client = await open();
    const [inserted] = await client.transact([
      {
        op: 'insert',
        table: 'Logical_Switch',
        row: { name: 'sw', other_config: { a: '1', b: '2', c: '3' } },
      },
    ]);
    const uuid = inserted?.uuid ?? '';
    await client.transact([
      {
        op: 'mutate',
        table: 'Logical_Switch',
        where: byUuid(uuid),
        mutations: [
          ['other_config', 'delete', ['a', 'b']],
          ['other_config', 'insert', { b: '9', d: '4' }],
        ],
      },
      {
        op: 'insert',
        table: 'Logical_Switch_Port',
        row: { name: 'p', tag: [7], enabled: [true] },
        name: 'p',
      },
      { op: 'mutate', table: 'Logical_Switch', where: byUuid(uuid), mutations: [['ports', 'insert', ['p']]] },
    ]);
    const row = client.table('Logical_Switch').get(uuid);
    expect(row?.['other_config']).toEqual({ b: '9', c: '3', d: '4' });
    const port = client.table('Logical_Switch_Port').single();
    expect(port).toMatchObject({ tag: [7], enabled: [true] });
    await client.transact([
      {
        op: 'update',
        table: 'Logical_Switch_Port',
        where: byUuid(port?._uuid ?? ''),
        row: { tag: [8], enabled: [] },
      },
    ]);
    expect(client.table('Logical_Switch_Port').single()).toMatchObject({ tag: [8], enabled: [] });
    await client.transact([{ op: 'delete', table: 'Logical_Switch', where: byUuid(uuid) }]);
    expect([client.table('Logical_Switch').size, client.table('Logical_Switch_Port').size]).toEqual([0, 0]);
  });

  it('refuses whole transactions and says which operation', async () => {
    const client = await open();
    const port = (name: string, id: string) =>
      ({ op: 'insert', table: 'Logical_Switch_Port', row: { name }, name: id }) as const;
    const refused = client.transact([
      port('same', 'a'),
      port('same', 'b'),
      { op: 'insert', table: 'Logical_Switch', row: { name: 'sw', ports: ['a', 'b'] } },
    ]);
    await expect(refused).rejects.toThrow(TransactionError);
    await expect(refused).rejects.toMatchObject({ error: 'constraint violation' });
    expect(client.table('Logical_Switch').size).toBe(0);
    await expect(
      client.transact([{ op: 'insert', table: 'Logical_Switch', row: { nope: 'x' } }]),
    ).rejects.toThrow('table Logical_Switch has no column nope');
    const wait = client.transact([
      {
        op: 'wait',
        table: 'NB_Global',
        where: [],
        columns: ['name'],
        until: '==',
        rows: [{ name: 'x' }],
        timeout: 0,
      },
    ]);
    await expect(wait).rejects.toMatchObject({ error: 'timed out', index: 0 });
  });

  it('adds to numbers and waits for changes', async () => {
    const client = await open();
    await client.transact([{ op: 'insert', table: 'NB_Global', row: { external_ids: { a: 'b' } } }]);
    const bumped = client.waitFor(() =>
      client.table('NB_Global').single()?.['nb_cfg'] === 2 ? 'seen' : undefined,
    );
    for (const _ of [1, 2]) {
      await client.transact([
        { op: 'mutate', table: 'NB_Global', where: [], mutations: [['nb_cfg', '+=', 1]] },
      ]);
    }
    expect(await bumped).toBe('seen');
    await expect(client.waitFor(() => undefined, 10)).rejects.toThrow('nothing within 10 ms');
  });

  it('comes back after the server was killed and tells only what changed meanwhile', async () => {
    const client = await open();
    await client.transact(
      Array.from(
        { length: 50 },
        (_, i) => ({ op: 'insert', table: 'Logical_Switch', row: { name: `s${i}` } }) as const,
      ),
    );
    const changes: RowChange[] = [];
    client.subscribe((batch) => changes.push(...batch));
    await server.kill();
    const pending = client.transact([{ op: 'insert', table: 'Logical_Switch', row: { name: 'after' } }]);
    await server.start();
    await pending;
    expect(client.table('Logical_Switch').size).toBe(51);
    expect(changes.map((change) => change.row && stringOf(change.row, 'name'))).toEqual(['after']);
  });

  it('catches up on changes made while its connection was cut', async () => {
    const relay = await startRelay(join(server.directory, 'relay.sock'), server.socket);
    const [cut, other] = await Promise.all([open(`unix:${relay.path}`), open()]);
    await other.transact([{ op: 'insert', table: 'NB_Global', row: { external_ids: { a: '1' } } }]);
    await cut.waitFor(() => cut.table('NB_Global').single());
    relay.refuse(true);
    relay.cut();
    await other.transact([
      { op: 'update', table: 'NB_Global', where: [], row: { external_ids: { a: '2' } } },
    ]);
    const changes: RowChange[] = [];
    cut.subscribe((batch) => changes.push(...batch));
    relay.refuse(false);
    await cut.waitFor(() => {
      const row = cut.table('NB_Global').single();
      return row !== undefined && stringMapOf(row, 'external_ids')['a'] === '2' ? true : undefined;
    });
    expect(changes).toHaveLength(1);
    relay.close();
  });

  it('rejects what waits when it is ended', async () => {
    const client = await open();
    const waiting = client.waitFor(() => undefined);
    end.abort();
    await expect(waiting).rejects.toThrow('was ended');
    await expect(client.transact([])).rejects.toThrow('was ended');
    end = new AbortController();
  });
});
