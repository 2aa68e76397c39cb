import { createHash } from 'node:crypto';
import type { Netns } from './resource.ts';

/** One object of libnftables' JSON schema (man 5 libnftables-json), such as `{ chain: {…} }` or `{ rule: {…} }`. */
export type NftObject = Readonly<Record<string, unknown>>;

/** A table that Patchbay owns whole: replaced atomically, never edited. */
export interface NftTable {
  readonly kind: 'nft-table';
  readonly netns: Netns;
  readonly family: 'ip' | 'ip6' | 'inet' | 'arp' | 'bridge' | 'netdev';
  readonly name: string;
  /** Chains, sets, maps and rules in order, without `family` and `table`, which the driver fills in. */
  readonly objects: readonly NftObject[];
  /** Observed tables only: the digest of the objects the table was made of. */
  readonly digest?: string;
}

/** Digest of what a table is made of; kept with the table in the kernel, so that it is known again after a restart. */
export function nftDigest(table: NftTable): string {
  return createHash('sha256').update(JSON.stringify(table.objects)).digest('hex').slice(0, 16);
}
