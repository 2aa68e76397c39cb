/** Throughput and latency of the fabric's paths, and of the same paths laid by hand, between namespaces of two nodes. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { inNetns, run } from '#drivers/command.ts';
import type { LabNode, OvnLab } from '../../test/integration/support/ovn-lab.ts';
import { namespace, openRoom, type Room } from './fabric-room.ts';
import { withLab } from './network-control.ts';
import type { Session } from './session.ts';
import { type Ratio, ratioOf } from './stats.ts';

const script = path.resolve(import.meta.dirname, '../stream.py');
const port = 5201;
const vlan = 77;
/** Fits into the tunnel in every path, so that all paths carry segments of one size. */
const mtu = 1400;

/** One end of a path: a namespace and the address its peer has. */
interface End {
  readonly netns: string;
  readonly address: string;
}

interface Path {
  readonly name: string;
  readonly ours: readonly [End, End];
  readonly byHand: readonly [End, End];
}

/** What was found of one path. */
export interface PathResult {
  readonly path: string;
  /** Bits per second; above 1, ours is faster. */
  readonly throughput: Ratio;
  /** Microseconds of a round trip of one byte; above 1, ours is slower. */
  readonly latency: Ratio;
}

/** Measures every path `rounds` times, ours and by hand in turn. */
export async function measurePaths(session: Session, rounds: number): Promise<readonly PathResult[]> {
  return withLab(session, 'path', ['n1', 'n2'], async (lab, inner) => {
    const paths = await layPaths(inner, lab);
    const ends = paths.flatMap(({ ours, byHand }) => [ours[1].netns, byHand[1].netns]);
    for (const netns of new Set(ends)) {
      await serve(inner, netns);
    }
    const results: PathResult[] = [];
    for (const { name, ours, byHand } of paths) {
      session.say(`${name} …`);
      const series: readonly number[][] = [[], [], [], []];
      for (let round = -1; round < rounds; round += 1) {
        session.signal.throwIfAborted();
        const found = [
          await measure('send', ours),
          await measure('send', byHand),
          await measure('trip', ours),
          await measure('trip', byHand),
        ];
        // The first round fills the caches of the switches.
        for (const [index, list] of round < 0 ? [] : series.entries()) {
          list.push(found[index] ?? Number.NaN);
        }
      }
      const [sent = [], sentByHand = [], trips = [], tripsByHand = []] = series;
      results.push({
        path: name,
        throughput: ratioOf(sent, sentByHand),
        latency: ratioOf(trips, tripsByHand),
      });
    }
    return results;
  });
}

async function measure(what: 'send' | 'trip', [from, to]: readonly [End, End]): Promise<number> {
  const seconds = what === 'send' ? '1' : '0.5';
  const { stdout } = await run(['python3', script, what, to.address, String(port), seconds], {
    netns: from.netns,
  });
  return Number(stdout);
}

/** A server that runs until the bench ends; resolves when it listens. */
async function serve(session: Session, netns: string): Promise<void> {
  const [file = '', ...rest] = inNetns(netns, ['python3', script, 'serve', String(port)]);
  const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = new Promise((resolve) => child.once('close', resolve));
  session.undoLater(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  const listens = new Promise((resolve) => createInterface(child.stdout).once('line', resolve));
  await Promise.race([
    listens,
    closed.then(() => Promise.reject(new Error(`the receiver in ${netns} ended before it listened`))),
  ]);
}

async function layPaths(session: Session, lab: OvnLab): Promise<readonly Path[]> {
  const [n1, n2] = lab.nodes;
  if (n1 === undefined || n2 === undefined) {
    throw new Error('the lab has fewer than two nodes');
  }
  const room = await openRoom(session, lab, ['n1', 'n2']);
  for (const node of [n1, n2]) {
    await node.vswitch.vsctl('set', 'Open_vSwitch', '.', 'external_ids:ovn-bridge-mappings=bench-phys:br-ex');
  }
  await room.createNetwork('l2', { topology: 'layer2', subnets: '10.71.0.0/24' });
  const physical = { physicalNetworkName: 'bench-phys', vlanID: vlan, subnets: '10.72.0.0/24' };
  await room.createNetwork('phys', { topology: 'localnet', ...physical });
  const ours = async (name: string, node: LabNode, network?: string): Promise<End> =>
    layOurs(room, lab, node, name, network);
  const hand = await layHand(lab, n1, n2);
  const [a, b, c] = [await ours('a', n1), await ours('b', n1), await ours('c', n2)];
  const [la, lb, lc] = [await ours('la', n1, 'l2'), await ours('lb', n1, 'l2'), await ours('lc', n2, 'l2')];
  const [pa, pb, pc] = [
    await ours('pa', n1, 'phys'),
    await ours('pb', n1, 'phys'),
    await ours('pc', n2, 'phys'),
  ];
  const paths: readonly Path[] = [
    { name: 'default network, same node', ours: [a, b], byHand: hand.same },
    { name: 'default network, other node', ours: [a, c], byHand: hand.tunnel },
    { name: 'layer2, same node', ours: [la, lb], byHand: hand.same },
    { name: 'layer2, other node', ours: [la, lc], byHand: hand.tunnel },
    { name: 'localnet with VLAN, same node', ours: [pa, pb], byHand: hand.same },
    { name: 'localnet with VLAN, other node', ours: [pa, pc], byHand: hand.vlan },
  ];
  for (const [from, to] of paths.flatMap((one) => [one.ours, one.byHand])) {
    await firstPing(from, to);
  }
  return paths;
}

async function firstPing(from: End, to: End): Promise<void> {
  await run(['busybox', 'ping', '-c', '1', '-W', '1', to.address], { netns: from.netns }).catch(async () => {
    await run(['busybox', 'ping', '-c', '20', '-A', '-w', '20', to.address], { netns: from.netns });
  });
}

/** A pod of the fabric with one device: on the default network, or on another one. */
async function layOurs(room: Room, lab: OvnLab, node: LabNode, name: string, network?: string): Promise<End> {
  const created = await room.createPod(name, node.name, network === undefined ? [] : [network]);
  const place = await room.placeOf(name, network === undefined ? 'default' : `${namespace}/${network}`);
  const logical =
    network === undefined ? `${namespace}_${name}` : `${namespace}.${network}_${namespace}_${name}`;
  const cidr = place.ip_addresses[0] ?? '';
  const netns = await lab.addPod(node, name, name);
  await setUp(netns, place.mac_address, cidr);
  const gateway = place.gateway_ips?.[0];
  if (gateway !== undefined) {
    await run(['ip', '-n', netns, 'route', 'add', 'default', 'via', gateway]);
  }
  await node.vswitch.vsctl(
    ...['add-port', 'br-int', name, '--', 'set', 'Interface', name],
    ...[`external_ids:iface-id=${logical}`, `external_ids:iface-id-ver=${created.metadata.uid}`],
    `external_ids:attached_mac="${place.mac_address}"`,
  );
  return { netns, address: cidr.split('/')[0] ?? '' };
}

async function setUp(netns: string, mac: string, cidr: string): Promise<void> {
  await run(['ip', '-n', netns, 'link', 'set', 'eth0', 'address', mac, 'mtu', String(mtu), 'up']);
  await run(['ip', '-n', netns, 'address', 'add', cidr, 'dev', 'eth0']);
}

/** Bridges that learn (NORMAL), with a Geneve tunnel between them, and an access port of a VLAN on `br-ex`. */
async function layHand(lab: OvnLab, n1: LabNode, n2: LabNode) {
  const remotes = await Promise.all([n1, n2].map((node) => underlayOf(node)));
  for (const [index, node] of [n1, n2].entries()) {
    const remote = remotes[1 - index] ?? '';
    await node.vswitch.vsctl(
      ...['add-br', 'br-hand', '--', 'set', 'Bridge', 'br-hand', 'datapath_type=netdev'],
      ...['--', 'add-port', 'br-hand', 'tun0', '--', 'set', 'Interface', 'tun0', 'type=geneve'],
      ...[`options:remote_ip=${remote}`, 'options:key=4242'],
      ...['--', 'add-br', 'br-vlan', '--', 'set', 'Bridge', 'br-vlan', 'datapath_type=netdev'],
      ...['--', 'add-port', 'br-vlan', 'to-ex', '--', 'set', 'Interface', 'to-ex', 'type=patch'],
      ...['options:peer=to-vlan', '--', 'add-port', 'br-ex', 'to-vlan', '--', 'set', 'Interface'],
      ...['to-vlan', 'type=patch', 'options:peer=to-ex'],
    );
  }
  const end = async (node: LabNode, name: string, bridge: string, last: number): Promise<End> => {
    const netns = await lab.addPod(node, name, name);
    const subnet = bridge === 'br-hand' ? 73 : 74;
    await setUp(netns, `0a:58:0a:00:${subnet}:0${last}`, `10.${subnet}.0.${last}/24`);
    const tag = bridge === 'br-hand' ? [] : [`tag=${vlan + 1}`];
    await node.vswitch.vsctl('add-port', bridge, name, ...tag);
    return { netns, address: `10.${subnet}.0.${last}` };
  };
  const [a, b, c] = [
    await end(n1, 'ha', 'br-hand', 1),
    await end(n1, 'hb', 'br-hand', 2),
    await end(n2, 'hc', 'br-hand', 3),
  ];
  const [va, vc] = [await end(n1, 'va', 'br-vlan', 1), await end(n2, 'vc', 'br-vlan', 3)];
  return { same: [a, b], tunnel: [a, c], vlan: [va, vc] } as const;
}

async function underlayOf({ vswitch }: LabNode): Promise<string> {
  const text = await vswitch.vsctl('get', 'Open_vSwitch', '.', 'external_ids:ovn-encap-ip');
  return text.replaceAll('"', '');
}
