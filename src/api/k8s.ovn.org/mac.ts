/** MACs of ports that were not asked to have another. */
import { createHash } from 'node:crypto';
import { formatIp, type Ip } from '../ip-range.ts';

/**
 * The MAC that follows from addresses, as upstream makes them: `0a:58` and the IPv4 address in hexadecimal, so that MAC and
 * address change together. Where there is none: the first four bytes of the SHA-256 of the IPv6 address' text, or of
 * `otherwise`.
 */
export function macOf(addresses: readonly Ip[], otherwise = ''): string {
  const v4 = addresses.find(({ family }) => family === 4);
  const [first] = addresses;
  const seed = first === undefined ? otherwise : formatIp(first.family, first.value);
  const digits =
    v4 === undefined
      ? createHash('sha256').update(seed).digest('hex').slice(0, 8)
      : v4.value.toString(16).padStart(8, '0');
  return `0a:58:${digits.match(/../g)?.join(':') ?? ''}`;
}
