/** The fabric with real OVN databases, and API objects held in memory: no API server, whose share is measured by `boot`. */
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { node as nodeKind } from '#api/core/node.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { type Fabric, startFabric } from '#fabric/fabric.ts';
import { FakeApiClient } from '#machinery/fake-api-client.ts';
import { createInformerFactory } from '#machinery/informer-factory.ts';
import { OvsdbClient } from '#wire/ovsdb/client.ts';
import type { OvnLab } from '../../test/integration/support/ovn-lab.ts';
import { startRelay } from '../../test/integration/support/ovsdb.ts';
import type { Session } from './session.ts';

export const namespace = 'bench';
const waitMs = 120_000;

/** What the annotation says of a pod on one network. */
export interface Place {
  readonly ip_addresses: readonly string[];
  readonly mac_address: string;
  readonly gateway_ips?: readonly string[];
}

/** A fabric that runs, and copies of both databases. */
export interface Room {
  readonly client: FakeApiClient;
  readonly fabric: Fabric;
  readonly nb: OvsdbClient;
  readonly sb: OvsdbClient;
  /** Transactions that the fabric has sent so far. */
  transactions(): number;
  createPod(name: string, node: string, networks?: readonly string[]): Promise<Pod>;
  /** A definition of an OVN network without VLAN, layer2 or localnet. */
  createNetwork(name: string, config: object): Promise<void>;
  /** Resolves with a pod's place on `default` or on `<namespace>/<definition>`, once the annotation tells it. */
  placeOf(pod: string, network: string): Promise<Place>;
  /** Resolves when logical ports of these names are in the northbound (`nb`) or southbound (`sb`) database. */
  awaitPorts(where: 'nb' | 'sb', names: ReadonlySet<string>): Promise<void>;
}

/** Starts a fabric on a lab's databases with nodes of these names. */
export async function openRoom(session: Session, lab: OvnLab, nodes: readonly string[]): Promise<Room> {
  const end = new AbortController();
  const client = new FakeApiClient();
  const relay = await startRelay(path.join(lab.nb.directory, 'relay.sock'), lab.nb.socket);
  const factory = createInformerFactory(client);
  const fabric = startFabric({ factory, ovnNb: `unix:${relay.path}`, signal: end.signal });
  session.undoLater(async () => {
    end.abort();
    await fabric.done;
    relay.close();
  });
  await factory.start(end.signal);
  const open = (remote: string, database: string, table: string, column: string): OvsdbClient =>
    new OvsdbClient({
      remote,
      database,
      tables: { [table]: { columns: [column, 'up'], indexes: { name: (row) => [String(row[column])] } } },
      signal: end.signal,
    });
  const nb = open(lab.nb.remote, 'OVN_Northbound', 'Logical_Switch_Port', 'name');
  const sb = open(lab.sb.remote, 'OVN_Southbound', 'Port_Binding', 'logical_port');
  await Promise.all([nb.ready, sb.ready]);
  for (const name of nodes) {
    await client.create(nodeKind, { metadata: { name } });
  }
  await fabric.settled();
  return {
    client,
    fabric,
    nb,
    sb,
    transactions: relay.transactions,
    createPod: (name, nodeName, networks = []) =>
      client.create(podKind, {
        metadata: {
          name,
          namespace,
          ...(networks.length > 0 && { annotations: { 'k8s.v1.cni.cncf.io/networks': networks.join() } }),
        },
        spec: { containers: [{ name: 'c', image: 'i' }], nodeName },
      }),
    async createNetwork(name, config) {
      const text = JSON.stringify({
        cniVersion: '0.3.1',
        name,
        type: 'ovn-k8s-cni-overlay',
        netAttachDefName: `${namespace}/${name}`,
        ...config,
      });
      await client.create(networkAttachmentDefinition, {
        metadata: { name, namespace },
        spec: { config: text },
      });
    },
    async placeOf(name, network) {
      for (;;) {
        const { metadata } = await client.get(podKind, { name, namespace });
        const text = metadata.annotations?.['k8s.ovn.org/pod-networks'];
        const place = (JSON.parse(text ?? '{}') as Record<string, Place | undefined>)[network];
        if (place !== undefined) {
          return place;
        }
        session.signal.throwIfAborted();
        await delay(1);
      }
    },
    async awaitPorts(where, names) {
      const table = where === 'nb' ? nb.table('Logical_Switch_Port') : sb.table('Port_Binding');
      const missing = new Set(names);
      const isThere = (): true | undefined => {
        for (const name of missing) {
          if (table.byIndex('name', name).length === 0) {
            return undefined; // the rest is looked at when this one has come
          }
          missing.delete(name);
        }
        return true;
      };
      await (where === 'nb' ? nb : sb).waitFor(isThere, waitMs);
    },
  };
}
