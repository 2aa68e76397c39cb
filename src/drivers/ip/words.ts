/** Values as words of `ip`'s command language. Pure. */
import { PatchbayError } from '#machinery/errors.ts';
import type { LinkType } from '#node-state/link.ts';

/** Options of a bridge. */
export function bridgeWords(bridge: Extract<LinkType, { type: 'bridge' }>): string {
  const words = [` stp_state ${bridge.stp ? 1 : 0}`];
  // Not named when off: kernels without VLAN filtering refuse the attribute.
  if (bridge.vlanFiltering) words.push('vlan_filtering 1');
  if (bridge.forwardDelay !== undefined) words.push(`forward_delay ${whole(bridge.forwardDelay * 100)}`);
  if (bridge.helloTime !== undefined) words.push(`hello_time ${whole(bridge.helloTime * 100)}`);
  if (bridge.maxAge !== undefined) words.push(`max_age ${whole(bridge.maxAge * 100)}`);
  if (bridge.ageingTime !== undefined) words.push(`ageing_time ${whole(bridge.ageingTime * 100)}`);
  if (bridge.priority !== undefined) words.push(`priority ${whole(bridge.priority)}`);
  if (bridge.multicastSnooping !== undefined)
    words.push(`mcast_snooping ${bridge.multicastSnooping ? 1 : 0}`);
  if (bridge.groupForwardMask !== undefined) words.push(`group_fwd_mask ${whole(bridge.groupForwardMask)}`);
  return words.join(' ');
}

/** A route. */
export function routeWords(
  destination: string,
  via: string | undefined,
  link: string,
  metric?: number,
  mtu?: number,
): string {
  const words = [word(destination)];
  if (via !== undefined) words.push(`via ${word(via)}`);
  words.push(`dev ${word(link)}`);
  if (metric !== undefined) words.push(`metric ${whole(metric)}`);
  if (mtu !== undefined) words.push(`mtu ${whole(mtu)}`);
  return words.join(' ');
}

/** A value that is one word for `ip`'s parser, whatever it holds; anything else is refused. */
export function word(value: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._:@/+-]*$|^::[A-Za-z0-9.:/]*$/.test(value)) {
    throw new PatchbayError('InvalidName', `"${value}" cannot be given to the kernel as a name or address`, {
      retryable: false,
    });
  }
  return value;
}

/** A number of the kernel's. */
export function whole(value: number): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new PatchbayError('InvalidNumber', `${value} is no whole number that the kernel takes`, {
      retryable: false,
    });
  }
  return String(value);
}

/** Free text as part of a quoted word: printable ASCII without quotes and backslashes, at most 160 characters. */
export function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]|["'\\]/g, '?').slice(0, 160);
}
