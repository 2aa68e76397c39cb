/** Columns of the rows that stand for bridges and ports (pure). */
import type { OvsBridge, OvsPort } from '#node-state/ovs.ts';
import type { Columns } from '#wire/ovsdb/transaction.ts';
import { ALLOWED_MAC, DESCRIPTION, REPLACES, TAG } from './view.ts';

/** Keys in `external_ids` of Bridge and Port rows that are ours to set and remove. */
export const BRIDGE_KEYS: readonly string[] = [TAG, REPLACES, DESCRIPTION];
export const PORT_KEYS: readonly string[] = [TAG, ALLOWED_MAC];

/** Settings of a Bridge row. */
export function bridgeColumns(bridge: OvsBridge): Columns {
  return {
    fail_mode: [bridge.failMode],
    stp_enable: bridge.stp ?? false,
    rstp_enable: bridge.rstp ?? false,
    mcast_snooping_enable: bridge.mcastSnooping ?? false,
  };
}

/** `external_ids` of a Bridge row. */
export function bridgeIds(bridge: OvsBridge, tag: string): Readonly<Record<string, string>> {
  return {
    [TAG]: tag,
    ...(bridge.replaces === undefined ? {} : { [REPLACES]: bridge.replaces }),
    ...(bridge.description === undefined || bridge.description === ''
      ? {}
      : { [DESCRIPTION]: bridge.description }),
  };
}

/** `external_ids` of a Port row. */
export function portIds(port: OvsPort, tag: string): Readonly<Record<string, string>> {
  const mac = port.allowedMac?.toLowerCase();
  return { [TAG]: tag, ...(mac === undefined ? {} : { [ALLOWED_MAC]: mac }) };
}

/** VLAN settings of a Port row. */
export function portColumns(port: OvsPort): Columns {
  return {
    tag: port.tag === undefined ? [] : [port.tag],
    trunks: port.trunks ?? [],
    vlan_mode: port.vlanMode === undefined ? [] : [port.vlanMode],
  };
}

/** Settings of an Interface row; type `''` is `system`. */
export function interfaceColumns(port: OvsPort): Columns {
  return {
    type: port.interfaceType === 'internal' ? 'internal' : '',
    mtu_request: port.mtu === undefined ? [] : [port.mtu],
  };
}
