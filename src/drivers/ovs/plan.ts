/** Turns a batch of operations on resources into one OVSDB transaction (pure). */
import { PatchbayError } from '#machinery/errors.ts';
import type { OvsBridge, OvsMappings, OvsPort } from '#node-state/ovs.ts';
import type { Operation } from '#node-state/resource.ts';
import { equalValues, type Row, stringMapOf, stringOf } from '#wire/ovsdb/codec.ts';
import { byUuid, type Columns, type Mutation, type OvsdbOperation } from '#wire/ovsdb/transaction.ts';
import {
  BRIDGE_KEYS,
  bridgeColumns,
  bridgeIds,
  interfaceColumns,
  PORT_KEYS,
  portColumns,
  portIds,
} from './columns.ts';
import { FOREIGN_BRIDGES, type OvsResource } from './driver.ts';
import { MAC } from './flows.ts';
import { composeMappings } from './mappings.ts';
import { refusal } from './refusal.ts';
import { MAPPINGS, OUR_MAPPINGS, type OvsView, ownExternalIds } from './view.ts';

/** A row to which operations refer: one that is there (UUID), or one that this transaction inserts (its name). */
type RowRef = { readonly uuid: string } | { readonly name: string };

/** Collects the OVSDB operations of one transaction. */
export class OvsPlan {
  readonly operations: OvsdbOperation[] = [];
  /** True when ovs-vswitchd has something to do that must be waited for. */
  isAwaited = false;
  readonly #view: OvsView;
  readonly #inserted = new Map<string, string>();
  readonly #deleted = new Set<string>();
  #mappings: Readonly<Record<string, string>> | undefined;

  constructor(view: OvsView) {
    this.#view = view;
  }

  /** Adds one operation. Throws PatchbayError when it cannot be done; nothing is added then. */
  add(operation: Operation<OvsResource>): void {
    if (operation.op === 'delete') {
      this.#remove(operation.from);
    } else {
      this.#put(operation.to);
    }
  }

  /** The transaction, with the request for ovs-vswitchd's acknowledgement when one is needed. */
  finish(): readonly OvsdbOperation[] {
    if (this.isAwaited && this.operations.length > 0) {
      this.operations.push({
        op: 'mutate',
        table: 'Open_vSwitch',
        where: [],
        mutations: [['next_cfg', '+=', 1]],
      });
    }
    return this.operations;
  }

  #put(resource: OvsResource): void {
    if (resource.kind === 'ovs-bridge') {
      this.#putBridge(resource);
    } else if (resource.kind === 'ovs-port') {
      this.#putPort(resource);
    } else {
      this.#putMappings(resource.mappings);
    }
  }

  #remove(resource: OvsResource): void {
    if (resource.kind === 'ovs-bridge') {
      this.#deleteBridge(resource);
    } else if (resource.kind === 'ovs-port') {
      this.#deletePort(resource);
    } else {
      this.#putMappings({});
    }
  }

  #putBridge(bridge: OvsBridge): void {
    if (FOREIGN_BRIDGES.includes(bridge.name)) {
      throw refusal(
        'ForeignBridge',
        `bridge ${bridge.name} belongs to OVN and the node's set-up`,
        'use another bridge name',
      );
    }
    const row = this.#present('Bridge', bridge.name, this.#view.bridge(bridge.name));
    const columns = bridgeColumns(bridge);
    const mtu = { mtu_request: bridge.mtu === undefined ? [] : [bridge.mtu] };
    if (row === undefined) {
      this.#insertBridge(bridge, columns, mtu);
      return;
    }
    if (!this.#view.isOurs(row)) {
      throw refusal(
        'ForeignBridge',
        `Open vSwitch bridge ${bridge.name} exists and was not made by Patchbay`,
        `remove it (ovs-vsctl del-br ${bridge.name}) or use another name`,
      );
    }
    this.#update('Bridge', row, columns);
    this.#updateKeys('Bridge', row, bridgeIds(bridge, this.#view.tag), BRIDGE_KEYS);
    const local = this.#view.interface(bridge.name);
    if (local !== undefined) {
      this.#update('Interface', local, mtu);
    }
    this.isAwaited = true;
  }

  #insertBridge(bridge: OvsBridge, columns: Columns, mtu: Columns): void {
    if (this.#present('Port', bridge.name, this.#view.port(bridge.name)) !== undefined) {
      throw refusal(
        'NameInUse',
        `an Open vSwitch port is named ${bridge.name} already`,
        'use another bridge name',
      );
    }
    const local = this.#insert('Interface', bridge.name, { name: bridge.name, type: 'internal', ...mtu });
    const port = this.#insert('Port', bridge.name, { name: bridge.name, interfaces: [local] });
    const row = this.#insert('Bridge', bridge.name, {
      ...columns,
      name: bridge.name,
      datapath_type: this.#datapathType(),
      ports: [port],
      external_ids: bridgeIds(bridge, this.#view.tag),
    });
    this.#mutate('Open_vSwitch', undefined, [['bridges', 'insert', [row]]]);
    this.isAwaited = true;
  }

  #deleteBridge(bridge: OvsBridge): void {
    const row = this.#present('Bridge', bridge.name, this.#view.bridge(bridge.name));
    if (row === undefined || !this.#view.isOurs(row) || FOREIGN_BRIDGES.includes(bridge.name)) {
      return;
    }
    this.#deleted.add(`Bridge/${bridge.name}`).add(`Port/${bridge.name}`).add(`Interface/${bridge.name}`);
    this.#mutate('Open_vSwitch', undefined, [['bridges', 'delete', [row._uuid]]]);
  }

  #putPort(port: OvsPort): void {
    const bridge = this.#bridgeRef(port);
    const row = this.#present('Port', port.name, this.#view.port(port.name));
    const current = row === undefined ? undefined : this.#view.bridgeOf(row);
    if (port.allowedMac !== undefined && FOREIGN_BRIDGES.includes(port.bridge)) {
      throw refusal(
        'NotSupported',
        `port ${port.name}: MAC check on ${port.bridge} is OVN's`,
        'use port_security of OVN',
      );
    }
    if (port.allowedMac !== undefined && !MAC.test(port.allowedMac.toLowerCase())) {
      throw refusal(
        'InvalidMac',
        `port ${port.name}: "${port.allowedMac}" is no MAC`,
        'write it as 02:00:00:00:00:01',
      );
    }
    if (row !== undefined && !this.#view.isOurs(row)) {
      throw refusal(
        'ForeignPort',
        `port ${port.name} is on Open vSwitch bridge ${current ? stringOf(current, 'name') : '?'} and not Patchbay's`,
        `remove it there (ovs-vsctl del-port ${port.name})`,
      );
    }
    this.isAwaited = true;
    if (row === undefined) {
      this.#insertPort(port, bridge);
      return;
    }
    const local = this.#view.interface(port.name);
    this.#update('Port', row, portColumns(port));
    this.#updateKeys('Port', row, portIds(port, this.#view.tag), PORT_KEYS);
    if (local !== undefined) {
      this.#update('Interface', local, interfaceColumns(port));
      this.#updateKeys('Interface', local, port.externalIds, Object.keys(ownExternalIds(local)));
    }
    if (current !== undefined && stringOf(current, 'name') !== port.bridge) {
      this.#mutate('Bridge', { uuid: current._uuid }, [['ports', 'delete', [row._uuid]]]);
      this.#mutate('Bridge', bridge, [['ports', 'insert', [row._uuid]]]);
    }
  }

  #insertPort(port: OvsPort, bridge: RowRef): void {
    const local = this.#insert('Interface', port.name, {
      ...interfaceColumns(port),
      name: port.name,
      external_ids: port.externalIds,
    });
    const columns = {
      ...portColumns(port),
      name: port.name,
      interfaces: [local],
      external_ids: portIds(port, this.#view.tag),
    };
    const row = this.#insert('Port', port.name, columns);
    this.#mutate('Bridge', bridge, [['ports', 'insert', [row]]]);
  }

  #deletePort(port: OvsPort): void {
    const row = this.#present('Port', port.name, this.#view.port(port.name));
    if (row === undefined || !this.#view.isOurs(row)) {
      return;
    }
    this.#deleted.add(`Port/${port.name}`).add(`Interface/${port.name}`);
    const bridge = this.#view.bridgeOf(row);
    if (bridge !== undefined && this.#present('Bridge', stringOf(bridge, 'name'), bridge) !== undefined) {
      this.#mutate('Bridge', { uuid: bridge._uuid }, [['ports', 'delete', [row._uuid]]]);
    }
  }

  #putMappings(wanted: OvsMappings['mappings']): void {
    const root = this.#view.root();
    const ids = root === undefined ? {} : stringMapOf(root, 'external_ids');
    const next = composeMappings(ids, this.#mappings, wanted);
    this.#mappings = wanted;
    if (root !== undefined) {
      this.#updateKeys('Open_vSwitch', root, next, [MAPPINGS, OUR_MAPPINGS]);
    }
  }

  #bridgeRef(port: OvsPort): RowRef {
    const named = this.#inserted.get(`Bridge/${port.bridge}`);
    if (named !== undefined) {
      return { name: named };
    }
    const row = this.#present('Bridge', port.bridge, this.#view.bridge(port.bridge));
    if (row === undefined) {
      throw new PatchbayError(
        'BridgeNotFound',
        `port ${port.name}: Open vSwitch has no bridge ${port.bridge}; make it with a NodeNetworkConfigurationPolicy or correct the name`,
      );
    }
    return { uuid: row._uuid };
  }

  /** `netdev` where OVN or its integration bridge says so; else the kernel's datapath, the default of Open vSwitch. */
  #datapathType(): string {
    const root = this.#view.root();
    const asked =
      root === undefined ? undefined : stringMapOf(root, 'external_ids')['ovn-bridge-datapath-type'];
    const integration = FOREIGN_BRIDGES.map((name) => this.#view.bridge(name)).find(
      (row) => row !== undefined,
    );
    return asked ?? (integration === undefined ? '' : stringOf(integration, 'datapath_type'));
  }

  #present(table: string, name: string, row: Row | undefined): Row | undefined {
    return this.#deleted.has(`${table}/${name}`) ? undefined : row;
  }

  #insert(table: string, key: string, row: Columns): string {
    const name = `row${this.operations.length}`;
    this.operations.push({ op: 'insert', table, row, name });
    this.#inserted.set(`${table}/${key}`, name);
    return name;
  }

  #update(table: string, row: Row, columns: Columns): void {
    const changed = Object.entries(columns).filter(([column, value]) => {
      const old = row[column];
      return old === undefined || !equalValues(old, value);
    });
    if (changed.length > 0) {
      this.operations.push({
        op: 'update',
        table,
        where: byUuid(row._uuid),
        row: Object.fromEntries(changed),
      });
    }
  }

  /** Sets those of `external_ids` that are in `wanted` and removes the rest of `owned`, leaving other keys alone. */
  #updateKeys(
    table: string,
    row: Row,
    wanted: Readonly<Record<string, string>>,
    owned: readonly string[],
  ): void {
    const ids = stringMapOf(row, 'external_ids');
    const changed = Object.entries(wanted).filter(([key, value]) => ids[key] !== value);
    const stale = [...owned.filter((key) => wanted[key] === undefined), ...changed.map(([key]) => key)];
    const present = stale.filter((key) => ids[key] !== undefined);
    const mutations: Mutation[] = [
      ...(present.length === 0 ? [] : [['external_ids', 'delete', present] as const]),
      ...(changed.length === 0 ? [] : [['external_ids', 'insert', Object.fromEntries(changed)] as const]),
    ];
    if (mutations.length > 0) {
      this.#mutate(table, { uuid: row._uuid }, mutations);
    }
  }

  #mutate(table: string, row: RowRef | undefined, mutations: readonly Mutation[]): void {
    const where = row === undefined ? [] : byUuid('uuid' in row ? row.uuid : row.name);
    this.operations.push({ op: 'mutate', table, where, mutations });
  }
}
