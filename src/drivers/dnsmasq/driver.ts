import type { Driver } from '#drivers/driver.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { Netns } from '#node-state/resource.ts';

/** An address a server gave away. */
export interface Lease {
  readonly mac: string;
  readonly address: string;
}

/** DHCP servers, one process for each link of a sandbox. They outlive us and are found again. */
export interface DhcpDriver extends Driver<DhcpServer> {
  /** Network namespaces that have servers. */
  scopes(): Promise<readonly Netns[]>;
  /** IPv4 leases given away by the server behind a link. */
  leases(netns: Netns, link: string): Promise<readonly Lease[]>;
}
