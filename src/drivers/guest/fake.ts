import { PatchbayError } from '#machinery/errors.ts';
import type { GuestDriver, GuestExecOptions, GuestExecResult, GuestInterface, GuestOs } from './driver.ts';

/** What a fake guest answers. */
export interface FakeGuest {
  readonly hostname: string;
  readonly interfaces: readonly GuestInterface[];
  readonly osInfo: GuestOs;
  /** Runs a command; default: everything succeeds silently. */
  readonly exec?: (argv: readonly string[], options: GuestExecOptions) => GuestExecResult;
}

/** A guest driver without guests: `guests` holds the answers by uid. */
export function createFakeGuestDriver(guests: Map<string, FakeGuest>): GuestDriver {
  const attached = new Set<string>();
  const guest = (uid: string): FakeGuest => {
    const found = guests.get(uid);
    if (!attached.has(uid) || found === undefined) {
      throw new PatchbayError('GuestAgentNotConnected', `the guest agent of ${uid} is not connected`);
    }
    return found;
  };
  return {
    attach: (uid) => {
      attached.add(uid);
    },
    detach: (uid) => {
      attached.delete(uid);
    },
    isAttached: (uid) => attached.has(uid),
    ping: async (uid) => {
      guest(uid);
    },
    interfaces: async (uid) => guest(uid).interfaces,
    osInfo: async (uid) => guest(uid).osInfo,
    hostname: async (uid) => guest(uid).hostname,
    exec: async (uid, argv, options) =>
      guest(uid).exec?.(argv, options ?? {}) ?? { exitCode: 0, stdout: '', stderr: '', truncated: false },
    close: async () => attached.clear(),
  };
}
