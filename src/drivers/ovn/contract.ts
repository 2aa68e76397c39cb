/** What every northbound driver does, the real one and the fake. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type NbResult, type NbRow, type OvnDriver, rowId } from './driver.ts';

const nothing: NbResult = { transactions: 0, inserted: 0, updated: 0, removed: 0, failures: [] };
const lsw = (name: string): NbRow => ({
  table: 'Logical_Switch',
  key: name,
  columns: { name, other_config: { mtu: '1400' } },
});
const port = (name: string, of: string, addresses: readonly string[] = ['unknown']): NbRow => ({
  table: 'Logical_Switch_Port',
  key: name,
  columns: { name, addresses, options: { 'requested-chassis': 'n1' }, external_ids: { pod: 'true' } },
  parent: { table: 'Logical_Switch', key: of, column: 'ports' },
});

/** Runs the suite on empty drivers that `make` yields. */
export function ovnContract(name: string, make: () => Promise<OvnDriver>, clean: () => Promise<void>): void {
  describe(`${name} as an OvnDriver`, () => {
    let driver: OvnDriver;
    beforeEach(async () => {
      driver = await make();
    });
    afterEach(async () => {
      await driver[Symbol.asyncDispose]();
      await clean();
    });
    const ids = async (): Promise<string[]> => (await driver.observe()).map(rowId).sort();

    it('puts rows into their parents in one transaction, whatever their order', async () => {
      const result = await driver.apply({ put: [port('p1', 's1'), lsw('s1'), port('p2', 's1')], remove: [] });
      expect(result).toEqual({ ...nothing, transactions: 1, inserted: 3 });
      expect(await ids()).toEqual(['Logical_Switch/s1', 'Logical_Switch_Port/p1', 'Logical_Switch_Port/p2']);
    });

    it('writes nothing when all is as it ought to be', async () => {
      const rows = [lsw('s1'), port('p1', 's1', ['b', 'a'])];
      await driver.replace(rows);
      expect(await driver.replace(rows)).toEqual(nothing);
      expect(
        await driver.apply({ put: rows, remove: [{ table: 'Logical_Switch_Port', key: 'gone' }] }),
      ).toEqual(nothing);
    });

    it('writes only what differs', async () => {
      await driver.replace([lsw('s1'), port('p1', 's1'), port('p2', 's1')]);
      const result = await driver.replace([lsw('s1'), port('p1', 's1', ['x']), port('p3', 's1')]);
      expect(result).toEqual({ ...nothing, transactions: 1, inserted: 1, updated: 1, removed: 1 });
      expect(await ids()).toEqual(['Logical_Switch/s1', 'Logical_Switch_Port/p1', 'Logical_Switch_Port/p3']);
    });

    it('moves a row to another parent', async () => {
      await driver.replace([lsw('s1'), lsw('s2'), port('p1', 's1')]);
      const result = await driver.apply({ put: [port('p1', 's2')], remove: [] });
      expect(result).toEqual({ ...nothing, transactions: 1, updated: 1 });
      await driver.apply({ put: [], remove: [lsw('s1')] });
      expect(await ids()).toEqual(['Logical_Switch/s2', 'Logical_Switch_Port/p1']);
    });

    it('removes what a removed row holds', async () => {
      await driver.replace([lsw('s1'), port('p1', 's1'), port('p2', 's1')]);
      const result = await driver.apply({ put: [], remove: [lsw('s1')] });
      expect(result.failures).toEqual([]);
      expect(await ids()).toEqual([]);
    });

    it('fails a row without parent and does the rest', async () => {
      const result = await driver.apply({
        put: [lsw('s1'), port('p1', 's1'), port('p2', 'nowhere')],
        remove: [],
      });
      expect(result.inserted).toBe(2);
      expect(result.failures.map(({ row, error }) => [row.key, error.message])).toEqual([
        ['p2', 'OVN: Logical_Switch_Port/p2 belongs into Logical_Switch/nowhere, which is not there'],
      ]);
    });
  });
}
