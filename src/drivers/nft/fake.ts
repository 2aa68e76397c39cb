import { createMemoryDriver, type MemoryDriver } from '#drivers/memory-driver.ts';
import type { NftTable } from '#node-state/nft.ts';

/** Tables in memory. */
export function createFakeNftDriver(): MemoryDriver<NftTable> {
  return createMemoryDriver<NftTable>(['nft-table']);
}
