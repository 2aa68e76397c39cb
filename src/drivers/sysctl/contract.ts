import { expect, it } from 'vitest';
import type { Driver } from '#drivers/driver.ts';
import type { Sysctl } from '#node-state/link.ts';

/** Runs the suite; `scope` is an existing network namespace. */
export function sysctlContract(make: () => { driver: Driver<Sysctl>; scope: string }): void {
  const values = async (
    driver: Driver<Sysctl>,
    scope: string,
    keys: readonly string[],
  ): Promise<string[]> => {
    const observed = await driver.observe(scope);
    return keys.map((key) => observed.find((entry) => entry.key === key)?.value ?? 'absent');
  };

  it('sets, changes and reads back', async () => {
    const { driver, scope } = make();
    const keys = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding'];
    const set = (value: string) =>
      keys.map((key) => ({
        op: 'create' as const,
        to: { kind: 'sysctl' as const, netns: scope, key, value },
      }));
    expect((await driver.apply(set('1'))).filter(({ error }) => error !== undefined)).toEqual([]);
    expect(await values(driver, scope, keys)).toEqual(['1', '1']);
    await driver.apply(set('0'));
    expect(await values(driver, scope, keys)).toEqual(['0', '0']);
  });

  it('sees nothing in a scope that does not exist', async () => {
    expect(await make().driver.observe('t-no-such-scope')).toEqual([]);
  });
}
