import type { Driver } from '#drivers/driver.ts';
import type { Netns } from '#node-state/resource.ts';
import type { VirtualMachineState } from '#node-state/vm.ts';

/**
 * What a guest is doing.
 * `shutdown`: the guest powered itself off and its QEMU waits for `delete`. `exited`: the QEMU process is gone without that.
 */
export type VmStatus = 'running' | 'paused' | 'shutdown' | 'panicked' | 'exited';

/** Something a guest or its QEMU did; told once, in order per machine. */
export type VmEvent = { readonly uid: string; readonly netns: Netns } & (
  | { readonly type: 'status'; readonly status: VmStatus }
  /** The guest reset itself. */
  | { readonly type: 'reset' }
  /** The guest agent opened or closed its port; connect the guest driver to `VmInfo.agentSocket` when true. */
  | { readonly type: 'agent'; readonly connected: boolean }
  /** The guest let go of a hot-unplugged device; the id is QEMU's: `net-<interface>` or `disk-<volume>`. */
  | { readonly type: 'device-deleted'; readonly device: string }
);

/** What is known of a machine besides its launched state. */
export interface VmInfo {
  readonly uid: string;
  readonly netns: Netns;
  readonly status: VmStatus;
  /** Process id of QEMU; 0 when exited. */
  readonly pid: number;
  /** ISO 8601. */
  readonly startedAt: string;
  /** True while the guest agent holds its port open. */
  readonly agentConnected: boolean;
  /** Unix socket of the guest agent's channel. */
  readonly agentSocket: string;
  /** Unix socket of the serial console; one client at a time. */
  readonly consoleSocket: string;
  /** File with everything the guest wrote to its serial port. Written by QEMU's user: open with O_NOFOLLOW. */
  readonly serialLog: string;
}

/** Starts, adopts and stops QEMU processes. */
export interface VmDriver extends Driver<VirtualMachineState> {
  /** Subscribes; returns the unsubscription. Machines already there tell their present status and agent at adoption. */
  onEvent(handler: (event: VmEvent) => void): () => void;
  /** Undefined when no such machine was launched here (or it was deleted). */
  info(uid: string): Promise<VmInfo | undefined>;
  /** Presses the power button; the guest may ignore it. */
  powerdown(uid: string): Promise<void>;
  /** Ends the process at once; the machine stays known as `exited` until it is deleted. */
  kill(uid: string): Promise<void>;
  pause(uid: string): Promise<void>;
  resume(uid: string): Promise<void>;
  /** Resets the guest. */
  reset(uid: string): Promise<void>;
  /** Lets go of all connections; the machines run on. */
  close(): Promise<void>;
}
