/** How fast API objects become ports: in bursts, one by one, and beside many networks. */
import { randomUUID } from 'node:crypto';
import { run } from '#drivers/command.ts';
import { openOvs } from '#drivers/ovs/ovs.ts';
import { setOf } from '#wire/ovsdb/codec.ts';
import { type OvnLab, startOvnLab } from '../../test/integration/support/ovn-lab.ts';
import { namespace, openRoom } from './fabric-room.ts';
import type { Session } from './session.ts';
import { median, type Summary, summary } from './stats.ts';

const burstSize = 1000;
const nodes = ['n1', 'n2'];
/** A node's subnet has 509 addresses for pods. */
const eightNodes = Array.from({ length: 8 }, (_, index) => `n${index}`);

/** A burst of pods, against the same ports given to `ovn-nbctl` in one command. */
export interface Burst {
  readonly pods: number;
  /** Ports per second until the last is in the southbound database. */
  readonly ours: number;
  readonly byHand: number;
  readonly ratio: number;
  /** Ports per second until the last is in the northbound database: without northd. */
  readonly oursNorthbound: number;
  readonly transactions: number;
  /** Northbound rows per pod. */
  readonly rowsPerPod: number;
}

/** Rounds of both, one after the other on databases of their own; medians. */
export async function measureBurst(session: Session, rounds: number): Promise<Burst> {
  const ours: Awaited<ReturnType<typeof burstOurs>>[] = [];
  const byHand: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    session.signal.throwIfAborted();
    session.say(`burst of ${burstSize}, round ${round + 1} …`);
    ours.push(await withLab(session, `b${round}`, [], (lab, inner) => burstOurs(inner, lab)));
    byHand.push(await withLab(session, `h${round}`, [], (lab, inner) => burstByHand(inner, lab)));
  }
  const perSecond = (ms: readonly number[]): number => Math.round((burstSize * 1000) / median(ms));
  return {
    pods: burstSize,
    ours: perSecond(ours.map(({ southbound }) => southbound)),
    byHand: perSecond(byHand),
    ratio: Math.round((100 * median(byHand)) / median(ours.map(({ southbound }) => southbound))) / 100,
    oursNorthbound: perSecond(ours.map(({ northbound }) => northbound)),
    transactions: median(ours.map(({ transactions }) => transactions)),
    rowsPerPod: median(ours.map(({ rows }) => rows / burstSize)),
  };
}

const portNames = (): readonly string[] => Array.from({ length: burstSize }, (_, index) => `p${index}`);

async function burstOurs(session: Session, lab: OvnLab) {
  const room = await openRoom(session, lab, eightNodes);
  const names = portNames();
  const ports = new Set(names.map((name) => `${namespace}_${name}`));
  await lab.nbctl('--wait=sb', 'sync');
  const [rowsBefore, sentBefore] = [await countRows(lab), room.transactions()];
  const start = performance.now();
  const northbound = room.awaitPorts('nb', ports).then(() => performance.now() - start);
  const southbound = room.awaitPorts('sb', ports).then(() => performance.now() - start);
  await Promise.all(names.map((name, index) => room.createPod(name, `n${index % 8}`)));
  const [toNorthbound, toSouthbound] = await Promise.all([northbound, southbound]);
  const times = { northbound: toNorthbound, southbound: toSouthbound };
  await room.fabric.settled();
  return {
    ...times,
    transactions: room.transactions() - sentBefore,
    rows: (await countRows(lab)) - rowsBefore,
  };
}

/** The same ports on the same switches as one `ovn-nbctl` command: addresses of both families, port security, options, ids. */
async function burstByHand(session: Session, lab: OvnLab): Promise<number> {
  const room = await openRoom(session, lab, eightNodes);
  await lab.nbctl('--wait=sb', 'sync');
  const names = portNames();
  const words = names.flatMap((name, index) => {
    const [node, host] = [index % 8, 3 + Math.floor(index / 8)];
    // Of the node's subnet: for what a router reaches, northd makes two more logical flows.
    const address = `0a:58:0a:80:${hex(2 * node)}:${hex(host)} 10.128.${2 * node}.${host} fd01:0:0:${node}::${hex(host)}`;
    return [
      ...['--', 'lsp-add', `n${node}`, name],
      ...['--', 'lsp-set-addresses', name, address],
      ...['--', 'lsp-set-port-security', name, address],
      ...['--', 'lsp-set-options', name, `requested-chassis=n${node}`, `iface-id-ver=${randomUUID()}`],
      ...['--', 'set', 'Logical_Switch_Port', name, `external_ids:namespace=${namespace}`],
      ...['external_ids:pod=true', 'external_ids:patchbay=hand', `external_ids:patchbay-key=${name}`],
    ];
  });
  const start = performance.now();
  const southbound = room.awaitPorts('sb', new Set(names)).then(() => performance.now() - start);
  await lab.nbctl(...words.slice(1));
  return southbound;
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

async function countRows(lab: OvnLab): Promise<number> {
  const tables = [
    'Logical_Switch_Port',
    'Logical_Router_Port',
    'Logical_Router_Static_Route',
    'Logical_Router_Policy',
    'DHCP_Options',
    'NAT',
    'ACL',
    'Port_Group',
    'Address_Set',
  ];
  const counts = await Promise.all(
    tables.map(async (table) => (await lab.nbctl('--bare', '--columns=_uuid', 'list', table)).split('\n')),
  );
  return counts.flat().filter((line) => line !== '').length;
}

/** From a pod's creation to its port being up on its node, in milliseconds: annotation, Open vSwitch port, OVN. */
export async function measureUp(session: Session, pods: number): Promise<Summary> {
  return withLab(session, 'up', nodes, async (lab, inner) => {
    const room = await openRoom(inner, lab, nodes);
    const node = lab.nodes[0];
    if (node === undefined) {
      throw new Error('the lab has no node');
    }
    const ovs = openOvs({ db: node.vswitch.db.remote, tag: 'bench' });
    inner.undoLater(() => ovs[Symbol.asyncDispose]());
    const times: number[] = [];
    for (let index = 0; index < pods; index += 1) {
      session.signal.throwIfAborted();
      const name = `up${index}`;
      await run([
        'ip',
        '-n',
        node.netns,
        'link',
        'add',
        name,
        'up',
        'type',
        'veth',
        'peer',
        'name',
        `${name}p`,
      ]);
      const start = performance.now();
      const created = await room.createPod(name, node.name);
      const { mac_address: mac } = await room.placeOf(name, 'default');
      const externalIds = {
        'iface-id': `${namespace}_${name}`,
        'iface-id-ver': created.metadata.uid ?? '',
        attached_mac: mac,
      };
      const to = { kind: 'ovs-port', name, bridge: 'br-int', interfaceType: 'system', externalIds } as const;
      const [outcome] = await ovs.apply([{ op: 'create', to }]);
      if (outcome?.error !== undefined) {
        throw outcome.error;
      }
      const ports = room.nb.table('Logical_Switch_Port');
      const isUp = (): true | undefined =>
        ports.byIndex('name', `${namespace}_${name}`).some((row) => setOf(row, 'up').includes(true)) ||
        undefined;
      await room.nb.waitFor(isUp, 20_000);
      times.push(performance.now() - start);
    }
    return summary(times);
  });
}

/** One more network with a pod on it, beside so many others. */
export interface AddOne {
  readonly networks: number;
  /** Milliseconds until its port is in the northbound database: ours. */
  readonly northbound: number;
  /** Milliseconds until it is in the southbound database: with northd. */
  readonly southbound: number;
}

/** Medians of `rounds` additions at each number of networks. */
export async function measureAddOne(
  session: Session,
  sizes: readonly number[],
  rounds: number,
): Promise<readonly AddOne[]> {
  return withLab(session, 'add', [], async (lab, inner) => {
    const room = await openRoom(inner, lab, eightNodes);
    const found: AddOne[] = [];
    let made = 0;
    const add = async (): Promise<{ readonly northbound: number; readonly southbound: number }> => {
      const [name, node] = [`net${made}`, `n${made % 8}`];
      made += 1;
      const start = performance.now();
      await room.createNetwork(name, { topology: 'layer2', subnets: '10.7.0.0/24' });
      await room.createPod(`on-${name}`, node, [name]);
      const ports = new Set([`${namespace}.${name}_${namespace}_on-${name}`]);
      const northbound = room.awaitPorts('nb', ports).then(() => performance.now() - start);
      const southbound = room.awaitPorts('sb', ports).then(() => performance.now() - start);
      const [toNorthbound, toSouthbound] = await Promise.all([northbound, southbound]);
      return { northbound: toNorthbound, southbound: toSouthbound };
    };
    for (const networks of sizes) {
      session.say(`add one at ${networks} networks …`);
      const before: Promise<unknown>[] = [];
      while (made < networks) {
        session.signal.throwIfAborted();
        before.push(add());
      }
      await Promise.all(before);
      await room.fabric.settled();
      await lab.nbctl('--wait=sb', 'sync');
      const times = [];
      for (let round = 0; round < rounds; round += 1) {
        times.push(await add());
      }
      found.push({
        networks,
        northbound: Math.round(10 * median(times.map(({ northbound }) => northbound))) / 10,
        southbound: Math.round(10 * median(times.map(({ southbound }) => southbound))) / 10,
      });
    }
    return found;
  });
}

/** Runs something with a lab of its own, which is gone afterwards. */
export async function withLab<T>(
  session: Session,
  name: string,
  names: readonly string[],
  task: (lab: OvnLab, inner: Session) => Promise<T>,
): Promise<T> {
  const undo: (() => unknown)[] = [];
  const inner: Session = { ...session, undoLater: (what) => void undo.push(what) };
  const lab = await startOvnLab(`pbbench-${name}`, names);
  try {
    return await task(lab, inner);
  } finally {
    for (const step of undo.toReversed()) {
      await step();
    }
    await lab.dispose();
  }
}
