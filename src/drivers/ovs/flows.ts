/** OpenFlow rules that keep a port's owner from sending under another MAC (`macspoofchk`). */
import { createHash } from 'node:crypto';
import { type Row, setOf, stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { ALLOWED_MAC, type OvsView } from './view.ts';

/** A MAC as `ovs-ofctl` prints it. */
export const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** Cookie of our flows: `pb` in the upper bytes, then the instance's tag, so that instances leave each other alone. */
export function cookieOf(tag: string): string {
  return `0x7062${createHash('sha256').update(tag).digest('hex').slice(0, 12)}`;
}

/**
 * The rules of one bridge, one per line as `ovs-ofctl dump-flows --no-names --no-stats` prints them. Frames of a
 * checked port pass with its own source MAC only, and ARP must also name it as sender (upstream checks only the former).
 */
export function composeFlows(view: OvsView, bridge: Row, cookie: string): readonly string[] {
  const flows: string[] = [];
  const rows = [...view.ports()].filter(
    (row) => view.isOurs(row) && view.bridgeOf(row)?._uuid === bridge._uuid,
  );
  for (const row of rows) {
    const mac = stringMapOf(row, 'external_ids')[ALLOWED_MAC];
    const local = view.interface(stringOf(row, 'name'));
    const ofport = local === undefined ? undefined : setOf(local, 'ofport')[0];
    if (mac !== undefined && typeof ofport === 'number' && ofport > 0) {
      flows.push(`cookie=${cookie}, priority=800,in_port=${ofport} actions=drop`);
      if (!MAC.test(mac)) {
        continue; // Somebody edited the database: nothing passes rather than anything.
      }
      flows.push(
        `cookie=${cookie}, priority=910,arp,in_port=${ofport},dl_src=${mac},arp_sha=${mac} actions=NORMAL`,
        `cookie=${cookie}, priority=905,arp,in_port=${ofport} actions=drop`,
        `cookie=${cookie}, priority=900,in_port=${ofport},dl_src=${mac} actions=NORMAL`,
      );
    }
  }
  return flows.sort();
}

/** The rules of ours in the output of `dump-flows`, in the form of `composeFlows`. */
export function parseFlows(output: string): readonly string[] {
  return output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('cookie='))
    .sort();
}

/** Input of `ovs-ofctl --bundle add-flows`: puts `flows` in the place of whatever bears the cookie, atomically. */
export function formatReplacement(flows: readonly string[], cookie: string): string {
  const added = flows.map((flow) => `add ${flow.replace(' actions=', ',actions=').replace(', ', ',')}`);
  return `${[`delete cookie=${cookie}/-1`, ...added].join('\n')}\n`;
}
