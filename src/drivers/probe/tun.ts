import { chmod, stat } from 'node:fs/promises';
import type { ProbeRecord } from './record.ts';

const DEVICE = '/dev/net/tun';
/** What udev gives the device everywhere (50-udev-default.rules): taps are guarded by their owner, not by the device. */
const MODE = 0o666;

/**
 * Makes sure that QEMU's unprivileged user can open its taps. Run as root.
 * The owner of a tap may attach to it; making new ones still needs CAP_NET_ADMIN.
 */
export async function probeTun(device = DEVICE): Promise<ProbeRecord> {
  const status = await stat(device).catch(() => undefined);
  if (status === undefined) {
    return {
      name: 'tun',
      present: false,
      chosen: 'none',
      why: `${device} is not there, so guests can have no network cards`,
      remedy: 'load the kernel module tun',
    };
  }
  if ((status.mode & MODE) === MODE) {
    return { name: 'tun', present: true, chosen: 'tap', why: `${device} can be opened by QEMU's user` };
  }
  const mode = (status.mode & 0o777).toString(8);
  await chmod(device, MODE);
  return {
    name: 'tun',
    present: true,
    chosen: 'tap',
    why: `${device} had mode ${mode}; it was given udev's default, 666, so that QEMU's user can open its taps`,
  };
}
