/** What the driver reads of the `Open_vSwitch` database, and how rows become resources. */
import type { OvsBridge, OvsMappings, OvsPort } from '#node-state/ovs.ts';
import type { TableView } from '#wire/ovsdb/cache.ts';
import type { TableMonitor } from '#wire/ovsdb/client.ts';
import { optionalOf, type Row, setOf, stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { canonicalOvs, FOREIGN_BRIDGES, type OvsResource } from './driver.ts';

const byName = { name: (row: Row) => [stringOf(row, 'name')] };

/** Tables and columns that are copied. Statistics are left out: they change every few seconds. */
export const OVS_TABLES: Readonly<Record<string, TableMonitor>> = {
  Open_vSwitch: { columns: ['bridges', 'external_ids', 'cur_cfg', 'next_cfg'] },
  Bridge: {
    columns: [
      'name',
      'ports',
      'datapath_type',
      'fail_mode',
      'stp_enable',
      'rstp_enable',
      'mcast_snooping_enable',
      'external_ids',
    ],
    indexes: { ...byName, port: (row) => setOf(row, 'ports').map(String) },
  },
  Port: { columns: ['name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'external_ids'], indexes: byName },
  Interface: {
    columns: ['name', 'type', 'external_ids', 'mtu_request', 'ofport', 'ifindex', 'error'],
    indexes: byName,
  },
};

/** External ids by which rows are known as ours; `TAG` holds the instance's tag. */
export const TAG = 'patchbay';
export const ALLOWED_MAC = 'patchbay-allowed-mac';
export const REPLACES = 'patchbay-replaces';
export const DESCRIPTION = 'patchbay-description';
/** Ours among `MAPPINGS`, in the same form. */
export const OUR_MAPPINGS = 'patchbay-bridge-mappings';
export const MAPPINGS = 'ovn-bridge-mappings';
/** Written into Interface rows by ovn-controller. */
const OVN_OWN_KEYS: readonly string[] = ['ovn-installed', 'ovn-installed-ts'];

/** Reads the database's copy by name. */
export class OvsView {
  readonly #table: (name: string) => TableView;
  readonly tag: string;

  constructor(table: (name: string) => TableView, tag: string) {
    this.#table = table;
    this.tag = tag;
  }

  root(): Row | undefined {
    return this.#table('Open_vSwitch').single();
  }

  bridge(name: string): Row | undefined {
    return this.#table('Bridge').byIndex('name', name)[0];
  }

  port(name: string): Row | undefined {
    return this.#table('Port').byIndex('name', name)[0];
  }

  interface(name: string): Row | undefined {
    return this.#table('Interface').byIndex('name', name)[0];
  }

  /** True when ovn-controller has put up a port's flows. */
  isBound(name: string): boolean {
    const row = this.interface(name);
    return row !== undefined && stringMapOf(row, 'external_ids')['ovn-installed'] === 'true';
  }

  bridgeOf(port: Row): Row | undefined {
    return this.#table('Bridge').byIndex('port', port._uuid)[0];
  }

  bridges(): Iterable<Row> {
    return this.#table('Bridge').rows();
  }

  ports(): Iterable<Row> {
    return this.#table('Port').rows();
  }

  isOurs(row: Row): boolean {
    return stringMapOf(row, 'external_ids')[TAG] === this.tag;
  }

  /** Everything tagged as ours, canonical. */
  resources(): readonly OvsResource[] {
    const found: OvsResource[] = [];
    for (const row of this.bridges()) {
      if (this.isOurs(row) && !FOREIGN_BRIDGES.includes(stringOf(row, 'name'))) {
        found.push(this.#bridge(row));
      }
    }
    for (const row of this.ports()) {
      const port = this.isOurs(row) ? this.#port(row) : undefined;
      if (port !== undefined) {
        found.push(port);
      }
    }
    const mappings = this.#mappings();
    return mappings === undefined ? found : [...found, mappings];
  }

  #bridge(row: Row): OvsBridge {
    const name = stringOf(row, 'name');
    const ids = stringMapOf(row, 'external_ids');
    const local = this.interface(name);
    const mtu = local === undefined ? undefined : optionalOf(local, 'mtu_request');
    return canonicalOvs<OvsBridge>({
      kind: 'ovs-bridge',
      name,
      failMode: optionalOf(row, 'fail_mode') === 'secure' ? 'secure' : 'standalone',
      stp: row['stp_enable'] === true,
      rstp: row['rstp_enable'] === true,
      mcastSnooping: row['mcast_snooping_enable'] === true,
      ...(typeof mtu === 'number' ? { mtu } : {}),
      ...(ids[REPLACES] === 'linux-bridge' ? { replaces: 'linux-bridge' } : {}),
      ...(ids[DESCRIPTION] === undefined ? {} : { description: ids[DESCRIPTION] }),
    });
  }

  #port(row: Row): OvsPort | undefined {
    const name = stringOf(row, 'name');
    const bridge = this.bridgeOf(row);
    const local = this.interface(name);
    if (bridge === undefined || local === undefined) {
      return undefined;
    }
    const tag = optionalOf(row, 'tag');
    const mode = optionalOf(row, 'vlan_mode');
    const mtu = optionalOf(local, 'mtu_request');
    const allowedMac = stringMapOf(row, 'external_ids')[ALLOWED_MAC];
    return canonicalOvs<OvsPort>({
      kind: 'ovs-port',
      name,
      bridge: stringOf(bridge, 'name'),
      interfaceType: stringOf(local, 'type') === 'internal' ? 'internal' : 'system',
      ...(typeof tag === 'number' ? { tag } : {}),
      trunks: setOf(row, 'trunks').filter((vlan) => typeof vlan === 'number'),
      ...(isVlanMode(mode) ? { vlanMode: mode } : {}),
      ...(typeof mtu === 'number' ? { mtu } : {}),
      ...(allowedMac === undefined ? {} : { allowedMac }),
      externalIds: ownExternalIds(local),
    });
  }

  #mappings(): OvsMappings | undefined {
    const root = this.root();
    const ids = root === undefined ? {} : stringMapOf(root, 'external_ids');
    const ours = ids[OUR_MAPPINGS];
    if (ours === undefined) {
      return undefined;
    }
    const actual = parseMappings(ids[MAPPINGS] ?? '');
    const there = Object.entries(parseMappings(ours)).filter(
      ([network, bridge]) => actual[network] === bridge,
    );
    return canonicalOvs<OvsMappings>({ kind: 'ovs-mappings', mappings: Object.fromEntries(there) });
  }
}

/** External ids of an Interface row without those that ovn-controller writes there. */
export function ownExternalIds(row: Row): Readonly<Record<string, string>> {
  const ids = Object.entries(stringMapOf(row, 'external_ids'));
  return Object.fromEntries(ids.filter(([key]) => !OVN_OWN_KEYS.includes(key)));
}

/** Reads `net1:br1,net2:br2`. */
export function parseMappings(text: string): Readonly<Record<string, string>> {
  const pairs = text.split(',').map((pair) => pair.trim().split(':'));
  return Object.fromEntries(
    pairs.flatMap(([network, bridge]) => (network && bridge ? [[network, bridge]] : [])),
  );
}

/** Writes mappings as ovn-controller reads them, sorted. */
export function formatMappings(mappings: Readonly<Record<string, string>>): string {
  return Object.entries(mappings)
    .map(([network, bridge]) => `${network}:${bridge}`)
    .sort()
    .join(',');
}

function isVlanMode(mode: unknown): mode is NonNullable<OvsPort['vlanMode']> {
  return mode === 'access' || mode === 'trunk' || mode === 'native-tagged' || mode === 'native-untagged';
}
