import { createMemoryDriver, type MemoryDriver } from '#drivers/memory-driver.ts';
import type { DhcpServer } from '#node-state/dhcp.ts';
import type { DhcpDriver } from './driver.ts';

/** Servers in memory. */
export function createFakeDhcpDriver(): DhcpDriver & MemoryDriver<DhcpServer> {
  const memory = createMemoryDriver<DhcpServer>(['dhcp-server']);
  return {
    ...memory,
    scopes: async () => [...new Set([...memory.resources.values()].map(({ netns }) => netns))],
    leases: async () => [],
  };
}
