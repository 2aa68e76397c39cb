/** A network interface as the guest's agent reports it. */
export interface GuestInterface {
  readonly name: string;
  /** Lower case; absent for interfaces without one. */
  readonly mac?: string;
  /** IPv4 first, then IPv6, each as CIDR: `10.0.2.2/24`. */
  readonly addresses: readonly string[];
}

/** The guest's operating system. */
export interface GuestOs {
  readonly id?: string;
  readonly name?: string;
  readonly prettyName?: string;
  readonly version?: string;
  readonly versionId?: string;
  readonly kernelRelease?: string;
  readonly kernelVersion?: string;
  readonly machine?: string;
}

/** What a command in the guest did. */
export interface GuestExecResult {
  /** Exit code; 128 + signal when a signal ended it. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** True when the agent cut the output. */
  readonly truncated: boolean;
}

export interface GuestExecOptions {
  /** Standard input. */
  readonly input?: string;
  /** Whole time allowed, ms; default 30,000. */
  readonly timeoutMs?: number;
}

/**
 * Talks to the QEMU guest agents of this node's machines. Whatever a guest answers is hostile until parsed: lengths and
 * types are checked, and nonsense is a PatchbayError (`GuestAgentProtocol`), as are `GuestAgentTimeout` and
 * `GuestAgentNotConnected`. One request at a time per guest; further ones wait in line (at most 64).
 */
export interface GuestDriver {
  /** The agent's port is open: connect to its socket, and again after each loss, until `detach`. */
  attach(uid: string, socket: string): void;
  /** The port closed or the machine is gone. */
  detach(uid: string): void;
  isAttached(uid: string): boolean;
  ping(uid: string): Promise<void>;
  /** Without loopback. */
  interfaces(uid: string): Promise<readonly GuestInterface[]>;
  osInfo(uid: string): Promise<GuestOs>;
  hostname(uid: string): Promise<string>;
  /** Runs a command (absolute path or found in the guest's PATH) and waits for its end. */
  exec(uid: string, argv: readonly string[], options?: GuestExecOptions): Promise<GuestExecResult>;
  close(): Promise<void>;
}
