import { createHash } from 'node:crypto';

/** A locally administered unicast MAC that is always the same for the same words. */
export function macOf(...words: readonly string[]): string {
  const digest = createHash('sha256').update(words.join('\0')).digest();
  const first = ((digest[0] ?? 0) & 0xfc) | 0x02;
  return [first, ...digest.subarray(1, 6)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Lower case and colons, however it was written: `DE-AD-00-00-BE-AF`. */
export function normalMac(mac: string): string {
  return mac.toLowerCase().replaceAll('-', ':');
}

/** Begins the names of the node's ends of pairs, and of no other link. */
export const hostLinkPrefix = 'pb';

/** Name of the node's end of a pair: the same for the same sandbox and interface, at most 15 bytes. */
export function hostLinkName(podUid: string, interfaceName: string): string {
  const digest = createHash('sha256').update(`${podUid}\0${interfaceName}`).digest('hex');
  return `${hostLinkPrefix}${digest.slice(0, 13)}`;
}
