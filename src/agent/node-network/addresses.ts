import { isIP } from 'node:net';
import { entriesOf, partOf } from '#api/nmstate.io/admission/desired-state.ts';
import { NODE } from '#node-state/resource.ts';
import { invalidState, type Placed } from './placed.ts';

/** Lays `ipv4` and `ipv6` of an interface: absent = left alone, disabled = removed, enabled = exactly the listed ones. */
export function layAddresses(placed: Placed): void {
  for (const family of ['ipv4', 'ipv6'] as const) {
    layFamily(placed, family);
  }
}

function layFamily({ part, field, name, draft }: Placed, family: 'ipv4' | 'ipv6'): void {
  const settings = partOf(part, family);
  const enabled = settings['enabled'];
  if (enabled === undefined) {
    return;
  }
  if (enabled === true && settings['dhcp'] === true) {
    throw invalidState(
      `${field}.${family}.dhcp`,
      'this version runs no DHCP client on nodes; set dhcp: false and list the addresses under address',
    );
  }
  const wanted =
    enabled === true
      ? entriesOf(settings, 'address', `${field}.${family}`).map(
          ({ part: one }) => `${one['ip']}/${one['prefix-length']}`,
        )
      : [];
  // Without a list, an enabled family keeps its addresses, as nmstate does.
  if (enabled === true && settings['address'] === undefined) {
    return;
  }
  draft.removeAddresses(name, (address) => isOf(family, address) && !wanted.includes(address));
  for (const address of wanted) {
    draft.put({ kind: 'address', netns: NODE, link: name, address });
  }
}

/** Link-local IPv6 addresses are the kernel's. */
function isOf(family: 'ipv4' | 'ipv6', cidr: string): boolean {
  const [address = ''] = cidr.split('/');
  const version = isIP(address);
  return family === 'ipv4' ? version === 4 : version === 6 && !address.startsWith('fe80:');
}
