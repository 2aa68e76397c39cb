/** Why a NIC answers nobody, by what its host's kernel says of it. Pure. */
import { type IpFamily, parseIp } from '#api/ip-range.ts';
import type { Look } from '#drivers/reach/answers.ts';
import type { Nic } from '#verify/nics.ts';

/** What keeps a NIC from being reached in a family: its card, address or way out; undefined when all of these are there. */
export function whyUnready(nic: Nic, family: IpFamily, look: Look | undefined): string | undefined {
  const { device, isMasqueraded, isPrimary } = nic;
  if (look === undefined) {
    return `there is no ${device}`;
  }
  const wanted = nic.addresses[family];
  const own = look.addresses.filter(({ address }) => address.includes(':') === (family === 6));
  // Behind masquerade the guest has an address of its own choice.
  const found = isMasqueraded ? own[0] : own.find(({ address }) => isSame(address, wanted));
  if (found === undefined) {
    const has = own.length === 0 ? 'none' : own.map(({ address }) => address).join(', ');
    return `${device} lacks ${isMasqueraded ? `an IPv${family} address` : wanted} (it has ${has})`;
  }
  if (found.state !== 'usable') {
    return `${device} may not use ${found.address}: it is ${found.state}`;
  }
  return isPrimary && !look.ways.includes(family)
    ? `${device} has no IPv${family} default route${family === 6 ? ': no router advertisement came' : ''}`
    : undefined;
}

function isSame(a: string, b: string | undefined): boolean {
  const [one, other] = [parseIp(a), parseIp(b ?? '')];
  return one !== undefined && one.family === other?.family && one.value === other.value;
}
