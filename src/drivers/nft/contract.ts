import { driverContract } from '#drivers/contract.ts';
import type { Driver } from '#drivers/driver.ts';
import { satisfies } from '#node-state/match.ts';
import type { NftTable } from '#node-state/nft.ts';

/** Runs the suite; `scope` is an existing network namespace with nothing of ours in it. */
export function nftContract(make: () => { driver: Driver<NftTable>; scope: string }): void {
  driverContract<NftTable>(() => {
    const { driver, scope } = make();
    const table = (name: string, port: number): NftTable => ({
      kind: 'nft-table',
      netns: scope,
      family: 'ip',
      name,
      objects: [
        { chain: { name: 'prerouting', type: 'nat', hook: 'prerouting', prio: -100, policy: 'accept' } },
        { chain: { name: 'INBOUND' } },
        { rule: { chain: 'prerouting', expr: [{ counter: null }, { jump: { target: 'INBOUND' } }] } },
        {
          rule: {
            chain: 'INBOUND',
            expr: [
              { match: { op: '==', left: { payload: { protocol: 'tcp', field: 'dport' } }, right: port } },
              { counter: null },
              { dnat: { addr: '10.0.2.2' } },
            ],
          },
        },
      ],
    });
    return {
      driver,
      scope,
      resources: [table('one', 80), table('two', 80)],
      changed: table('two', 443),
      matches: satisfies,
    };
  });
}
