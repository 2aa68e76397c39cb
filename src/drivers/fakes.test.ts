import { describe } from 'vitest';
import { dhcpContract } from './dnsmasq/contract.ts';
import { createFakeDhcpDriver } from './dnsmasq/fake.ts';
import { ipContract } from './ip/contract.ts';
import { createFakeIpDriver } from './ip/fake.ts';
import { nftContract } from './nft/contract.ts';
import { createFakeNftDriver } from './nft/fake.ts';
import { sysctlContract } from './sysctl/contract.ts';
import { createFakeSysctlDriver } from './sysctl/fake.ts';

describe('fake ip driver', () => {
  ipContract(() => {
    const driver = createFakeIpDriver();
    driver.failNext('link/sandbox/has a space', new Error('refused'));
    return { driver, scope: 'sandbox', host: 'host0' };
  });
});

describe('fake dhcp driver', () => {
  dhcpContract(() => ({ driver: createFakeDhcpDriver(), scope: 'sandbox' }));
});

describe('fake nft driver', () => {
  nftContract(() => ({ driver: createFakeNftDriver(), scope: 'sandbox' }));
});

describe('fake sysctl driver', () => {
  sysctlContract(() => ({ driver: createFakeSysctlDriver(), scope: 'sandbox' }));
});
