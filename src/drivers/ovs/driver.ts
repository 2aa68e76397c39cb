import type { Driver } from '#drivers/driver.ts';
import type { OvsBridge, OvsMappings, OvsPort } from '#node-state/ovs.ts';

/** What the Open vSwitch driver makes. All of it lives in the node's own scope. */
export type OvsResource = OvsBridge | OvsPort | OvsMappings;

/** Bridges, ports and bridge mappings of the node's Open vSwitch. */
export interface OvsDriver extends Driver<OvsResource>, AsyncDisposable {
  /**
   * Resolves once ovn-controller has put up the flows of these ports (`external_ids:ovn-installed`).
   * Rejects with PatchbayError `PortNotBound` when it has not within 2 s.
   */
  bound(ports: readonly string[]): Promise<void>;
}

/** Bridges that belong to OVN and to the node's set-up: ports may be added, the bridge itself is never ours. */
export const FOREIGN_BRIDGES: readonly string[] = ['br-int', 'br-ex', 'br-gw'];

/**
 * One spelling for what means the same, as `observe` returns it: defaults and empty lists left out, VLANs sorted, MACs
 * in lower case. A differ compares canonical forms.
 */
export function canonicalOvs<R extends OvsResource>(resource: R): R;
export function canonicalOvs(resource: OvsResource): OvsResource {
  switch (resource.kind) {
    case 'ovs-bridge':
      return canonicalBridge(resource);
    case 'ovs-port':
      return canonicalPort(resource);
    case 'ovs-mappings':
      return { kind: 'ovs-mappings', mappings: sorted(resource.mappings) };
  }
}

function canonicalBridge(bridge: OvsBridge): OvsBridge {
  return {
    kind: 'ovs-bridge',
    name: bridge.name,
    failMode: bridge.failMode,
    ...(bridge.stp === true ? { stp: true } : {}),
    ...(bridge.rstp === true ? { rstp: true } : {}),
    ...(bridge.mcastSnooping === true ? { mcastSnooping: true } : {}),
    ...(bridge.mtu === undefined ? {} : { mtu: bridge.mtu }),
    ...(bridge.replaces === undefined ? {} : { replaces: bridge.replaces }),
    ...(bridge.description === undefined || bridge.description === ''
      ? {}
      : { description: bridge.description }),
  };
}

function canonicalPort(port: OvsPort): OvsPort {
  const trunks = [...new Set(port.trunks)].sort((a, b) => a - b);
  return {
    kind: 'ovs-port',
    name: port.name,
    bridge: port.bridge,
    interfaceType: port.interfaceType,
    ...(port.tag === undefined ? {} : { tag: port.tag }),
    ...(trunks.length === 0 ? {} : { trunks }),
    ...(port.vlanMode === undefined ? {} : { vlanMode: port.vlanMode }),
    ...(port.mtu === undefined ? {} : { mtu: port.mtu }),
    ...(port.allowedMac === undefined ? {} : { allowedMac: port.allowedMac.toLowerCase() }),
    externalIds: sorted(port.externalIds),
  };
}

function sorted(map: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
