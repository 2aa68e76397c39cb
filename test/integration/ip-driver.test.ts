import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ipContract } from '#drivers/ip/contract.ts';
import { createIpDriver } from '#drivers/ip/real.ts';
import { nftContract } from '#drivers/nft/contract.ts';
import { createNftDriver } from '#drivers/nft/real.ts';
import { sysctlContract } from '#drivers/sysctl/contract.ts';
import { createSysctlDriver } from '#drivers/sysctl/real.ts';

const ip = (...argv: string[]): void => {
  execFileSync('ip', argv, { stdio: 'ignore' });
};

describe('ip driver on the kernel', () => {
  const driver = createIpDriver({ tag: 't-ip' });
  const scope = 't-ip.sandbox';
  const removeScope = (): void => {
    try {
      ip('netns', 'del', scope);
    } catch (error) {
      // The test may have removed it itself.
      expect(error).toBeInstanceOf(Error);
    }
  };
  afterEach(async () => {
    await driver.apply([{ op: 'delete', from: vethOf('tiphost0') }]);
    removeScope();
  });
  afterAll(() => driver.close());
  const vethOf = (host: string) =>
    ({
      kind: 'link',
      netns: scope,
      name: 'eth0',
      device: { type: 'veth', peer: { netns: '', name: host } },
      up: true,
    }) as const;

  ipContract(() => ({ driver, scope, host: 'tiphost0' }));

  it('comes back after its resident helper was killed', async () => {
    await driver.apply([{ op: 'create', to: { kind: 'netns', netns: scope } }]);
    await driver.close();
    const [outcome] = await driver.apply([{ op: 'create', to: vethOf('tiphost0') }]);
    expect(outcome?.error).toBeUndefined();
    expect(await driver.namespaces('t-ip.')).toEqual([scope]);
  });
});

describe('nft and sysctl on the kernel', () => {
  const scope = 't-nft.sandbox';
  beforeEach(() => ip('netns', 'add', scope));
  afterEach(() => ip('netns', 'del', scope));
  nftContract(() => ({ driver: createNftDriver(), scope }));
  sysctlContract(() => ({ driver: createSysctlDriver(), scope }));
});
