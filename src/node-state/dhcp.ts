import type { Netns } from './resource.ts';

/** A DHCP server for the one guest behind a link of a sandbox. */
export interface DhcpServer {
  readonly kind: 'dhcp-server';
  readonly netns: Netns;
  /** Link it listens on, such as `k6t-eth0`. */
  readonly link: string;
  /** Answers only this client; absent = anyone. */
  readonly clientMac?: string;
  readonly v4?: {
    /** Address leased, without prefix. */
    readonly address: string;
    readonly prefixLength: number;
    readonly router?: string;
    readonly routes?: readonly { readonly destination: string; readonly via: string }[];
  };
  readonly v6?: {
    readonly address: string;
    readonly prefixLength: number;
    readonly router: string;
    readonly advertise: boolean;
  };
  /** Option 26, bytes. */
  readonly mtu?: number;
  readonly dns: readonly string[];
  readonly searchDomains: readonly string[];
  readonly hostname?: string;
  /** Options 66, 67, 42 and 224..254 of the interface's `dhcpOptions`. */
  readonly options?: readonly { readonly code: number; readonly value: string }[];
}
