import { driverContract } from '#drivers/contract.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import { satisfies } from '#node-state/match.ts';
import type { DhcpDriver } from './driver.ts';

/** Runs the suite; `scope` is an existing network namespace with links `k6t-eth0` (10.0.2.1/24) and `k6t-x`. */
export function dhcpContract(make: () => { driver: DhcpDriver; scope: string }): void {
  driverContract<DhcpServer>(() => {
    const { driver, scope } = make();
    const masquerade: DhcpServer = {
      kind: 'dhcp-server',
      netns: scope,
      link: 'k6t-eth0',
      v4: { address: '10.0.2.2', prefixLength: 24, router: '10.0.2.1' },
      v6: { address: 'fd10:0:2::2', prefixLength: 120, router: 'fd10:0:2::1', advertise: false },
      mtu: 1400,
      dns: ['172.30.0.10'],
      searchDomains: ['demo.svc.cluster.local', 'cluster.local'],
      hostname: 'vm-a',
      options: [{ code: 240, value: 'site' }],
    };
    const bridge: DhcpServer = {
      kind: 'dhcp-server',
      netns: scope,
      link: 'k6t-x',
      clientMac: '02:00:0a:02:02:03',
      v4: {
        address: '10.2.2.1',
        prefixLength: 24,
        routes: [{ destination: '10.9.0.0/16', via: '10.2.2.254' }],
      },
      dns: [],
      searchDomains: [],
    };
    return {
      driver,
      scope,
      resources: [masquerade, bridge],
      changed: { ...masquerade, mtu: 1300 },
      matches: satisfies,
    };
  });
}
