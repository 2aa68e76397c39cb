import type { Driver } from '#drivers/driver.ts';
import type { NftTable } from '#node-state/nft.ts';

/** Packet filter and NAT tables. Each is replaced whole, in one kernel transaction. */
export type NftDriver = Driver<NftTable>;
