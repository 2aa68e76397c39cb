import type { Netns } from './resource.ts';

/** One object of libnftables' JSON schema (man 5 libnftables-json), such as `{ chain: {…} }` or `{ rule: {…} }`. */
export type NftObject = Readonly<Record<string, unknown>>;

/** A table that Patchbay owns whole: replaced atomically, never edited. */
export interface NftTable {
  readonly kind: 'nft-table';
  readonly netns: Netns;
  readonly family: 'ip' | 'ip6' | 'inet' | 'bridge' | 'netdev';
  readonly name: string;
  /** Chains, sets, maps and rules in order, without `family` and `table`, which the driver fills in. */
  readonly objects: readonly NftObject[];
}
