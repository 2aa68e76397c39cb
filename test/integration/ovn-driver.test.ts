import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { run } from '#drivers/command.ts';
import { ovnContract } from '#drivers/ovn/contract.ts';
import type { NbRow, OvnDriver } from '#drivers/ovn/driver.ts';
import { openOvn } from '#drivers/ovn/ovn.ts';
import { OVN_NB_SCHEMA, type OvsdbServer, type Relay, startOvsdb, startRelay } from './support/ovsdb.ts';

let server: OvsdbServer;
let relay: Relay;

beforeAll(async () => {
  server = await startOvsdb(OVN_NB_SCHEMA);
  relay = await startRelay(join(server.directory, 'relay.sock'), server.socket);
});

afterAll(async () => {
  relay.close();
  await server[Symbol.asyncDispose]();
});

const nbctl = async (...words: string[]): Promise<string> =>
  (await run(['ovn-nbctl', `--db=${server.remote}`, ...words])).stdout.trim();

async function clean(): Promise<void> {
  await using driver = openOvn({ nb: server.remote, tag: 'test' });
  await driver.replace([]);
}

const rowsOf = (ports: number): NbRow[] => [
  { table: 'Logical_Switch', key: 'big', columns: { name: 'big' } },
  ...Array.from({ length: ports }, (_, i): NbRow => {
    const address = `0a:58:0a:80:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')} 10.128.${i >> 8}.${i & 255}`;
    return {
      table: 'Logical_Switch_Port',
      key: `ns_p${i}`,
      columns: {
        name: `ns_p${i}`,
        addresses: [address],
        port_security: [address],
        options: { 'requested-chassis': 'n' },
      },
      parent: { table: 'Logical_Switch', key: 'big', column: 'ports' },
    };
  }),
];

ovnContract('OVN northbound', async () => openOvn({ nb: server.remote, tag: 'test' }), clean);

describe('the OVN driver on a real northbound database', () => {
  let driver: OvnDriver | undefined;
  afterEach(async () => {
    await driver?.[Symbol.asyncDispose]();
    await clean();
  });

  it('leaves rows of others alone', async () => {
    await nbctl('ls-add', 'foreign', '--', 'lsp-add', 'foreign', 'taken');
    driver = openOvn({ nb: server.remote, tag: 'test' });
    const rows = rowsOf(3);
    const taken: NbRow = { ...(rows[1] as NbRow), key: 'x', columns: { name: 'taken' } };
    const result = await driver.replace([...rows, taken]);
    expect(result.inserted).toBe(4);
    expect(result.failures.map(({ row }) => row.key)).toEqual(['x']);
    await driver.replace([]);
    expect(await nbctl('--bare', '--columns=name', 'list', 'Logical_Switch')).toBe('foreign');
    await nbctl('ls-del', 'foreign');
  });

  it('tells when others change or remove rows of ours, not when we or northd do', async () => {
    let changes = 0;
    driver = openOvn({ nb: server.remote, tag: 'test', onChange: () => changes++ });
    await driver.replace(rowsOf(2));
    await nbctl('set', 'Logical_Switch_Port', 'ns_p0', 'up=true');
    expect(changes).toBe(0);
    for (const words of [
      ['lsp-set-addresses', 'ns_p0', 'unknown'],
      ['lsp-del', 'ns_p1'],
    ]) {
      const before = changes;
      await nbctl(...words);
      while (changes === before) {
        await setImmediate();
      }
      expect(await driver.replace(rowsOf(2))).toMatchObject({ transactions: 1 });
    }
    expect(changes).toBe(2);
  });

  it('refers to other rows by key', async () => {
    driver = openOvn({ nb: server.remote, tag: 'test' });
    const options: NbRow = { table: 'DHCP_Options', key: 'd', columns: { cidr: '10.0.0.0/24' } };
    const [lsw, port] = rowsOf(1) as [NbRow, NbRow];
    const bound: NbRow = { ...port, references: { dhcpv4_options: [options] } };
    expect(await driver.replace([bound, lsw, options])).toMatchObject({
      transactions: 1,
      inserted: 3,
      failures: [],
    });
    expect(await driver.replace([bound, lsw, options])).toMatchObject({ transactions: 0 });
    expect(await nbctl('get', 'Logical_Switch_Port', 'ns_p0', 'dhcpv4_options')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('puts 2,500 ports at once and one more, and finds nothing to do after a restart', async () => {
    driver = openOvn({ nb: `unix:${relay.path}`, tag: 'test' });
    await driver.observe();
    const rows = rowsOf(2_500);
    const start = performance.now();
    expect(await driver.replace(rows)).toMatchObject({ transactions: 2, inserted: 2_501, failures: [] });
    const inserted = performance.now();
    expect(await driver.replace(rows)).toMatchObject({ transactions: 0 });
    const compared = performance.now();
    expect(await driver.apply({ put: rowsOf(2_501).slice(-1), remove: [] })).toMatchObject({
      transactions: 1,
      inserted: 1,
    });
    const added = performance.now();
    await driver[Symbol.asyncDispose]();
    const written = relay.transactions();
    driver = openOvn({ nb: `unix:${relay.path}`, tag: 'test' });
    expect(await driver.replace(rowsOf(2_501))).toMatchObject({ transactions: 0 });
    expect(relay.transactions()).toBe(written);
    const rate = Math.round(2_500_000 / (inserted - start));
    console.log(
      `2,500 ports: ${rate} ports/s into the northbound database; comparing them again ${(compared - inserted).toFixed(1)} ms; one more ${(added - compared).toFixed(1)} ms`,
    );
  });
});
