/**
 * The whole network of one virtual machine through our drivers, over the same kernel objects made by a hand-written
 * `ip -batch`. See README.md.
 */
import { access } from 'node:fs/promises';
import path from 'node:path';
import { throwFailures, World } from '#agent/world.ts';
import { run } from '#drivers/command.ts';
import { createDhcpDriver } from '#drivers/dnsmasq/real.ts';
import { createIpDriver } from '#drivers/ip/real.ts';
import { createNftDriver } from '#drivers/nft/real.ts';
import { openOvs } from '#drivers/ovs/ovs.ts';
import { createSysctlDriver } from '#drivers/sysctl/real.ts';
import { calibrate, calibrationLine } from './lib/calibrate.ts';
import { nodeName, runInNode, sandboxName } from './lib/nic-node.ts';
import { contents, type Depth, depths, resourcesOf, type Shape, shapes } from './lib/nic-resources.ts';
import { runBench, type Session, settle } from './lib/session.ts';
import { type Ratio, ratioLine, ratioOf, type Summary, summary, summaryLine } from './lib/stats.ts';

const goal = 2;
const script = path.resolve(import.meta.dirname, 'nic-by-hand.sh');
const directory = process.env['BENCH_NODE'];

interface Row {
  readonly shape: Shape;
  readonly depth: Depth;
  readonly ratio: Ratio;
  readonly ours: Summary;
  readonly byHand: Summary;
}

await runBench(15, async (session) => {
  if (directory === undefined) {
    await runInNode(session, import.meta.filename, process.argv.slice(2));
    return undefined;
  }
  const calibration = await calibrate();
  session.say(calibrationLine(calibration));
  const rows = await measure(session, directory);
  return {
    result: { calibration, goal, rows },
    lines: [calibrationLine(calibration), ...rows.flatMap(rowLines)],
  };
});

function rowLines({ shape, depth, ratio, ours, byHand }: Row, index: number, rows: readonly Row[]): string[] {
  const plain = rows.find((row) => row.shape === shape && row.depth === 'links');
  const overBatch = plain === undefined ? Number.NaN : ours.p50 / plain.byHand.p50;
  return [
    ratioLine(`${shape}, ${contents[depth]}`, ratio, goal),
    `  ours ${summaryLine(ours)}`,
    `  by hand ${summaryLine(byHand)}`,
    ...(index % depths.length === 0 ? [] : [`  ours, over by-hand links alone: ${overBatch.toFixed(2)}`]),
  ];
}

async function measure(session: Session, node: string): Promise<readonly Row[]> {
  const parts = await openWorld(session, node);
  const rows: Row[] = [];
  for (const shape of shapes) {
    for (const depth of shape === 'masquerade' ? depths : depths.slice(0, -1)) {
      session.say(`${shape}, ${contents[depth]} …`);
      const ours: number[] = [];
      const byHand: number[] = [];
      for (let round = -1; round < session.options.rounds; round += 1) {
        session.signal.throwIfAborted();
        const a = await timeOurs(parts, shape, depth);
        await settle();
        const b = await timeByHand(parts, shape, depth);
        await settle();
        // The first round warms caches.
        if (round >= 0) {
          ours.push(a);
          byHand.push(b);
        }
      }
      rows.push({ shape, depth, ratio: ratioOf(ours, byHand), ours: summary(ours), byHand: summary(byHand) });
    }
  }
  return rows;
}

interface Parts {
  readonly world: World;
  readonly node: string;
  readonly bridgeNetfilter: boolean;
  readonly dummy: string;
}

async function openWorld(session: Session, node: string): Promise<Parts> {
  const ip = createIpDriver({ tag: nodeName });
  const ovs = openOvs({
    db: process.env['OVS_DB'] ?? '',
    tag: nodeName,
    onError: ({ message }) => session.say(message),
  });
  const dhcp = createDhcpDriver({ runDir: path.join(node, 'dhcp') });
  const world = new World({
    drivers: [ip, createNftDriver(), createSysctlDriver(), ovs, dhcp],
    sandboxPrefix: `${nodeName}.`,
    findScopes: async () => [],
  });
  session.undoLater(async () => {
    await world.reconcile(sandboxName, []);
    await ip.close();
    await ovs[Symbol.asyncDispose]();
  });
  await world.load();
  const [bridgeNetfilter, dummy] = await Promise.all([
    access('/proc/sys/net/bridge').then(
      () => true,
      () => false,
    ),
    run(['sh', '-c', 'ip link add benchdummy type dummy && ip link del benchdummy']).then(
      () => 'dummy',
      () => 'ifb',
    ),
  ]);
  return { world, node, bridgeNetfilter, dummy };
}

async function timeOurs({ world, bridgeNetfilter }: Parts, shape: Shape, depth: Depth): Promise<number> {
  const resources = resourcesOf(sandboxName, shape, depth, bridgeNetfilter);
  const started = performance.now();
  throwFailures(await world.reconcile(sandboxName, resources));
  const ms = performance.now() - started;
  throwFailures(await world.reconcile(sandboxName, []));
  return ms;
}

async function timeByHand(parts: Parts, shape: Shape, depth: Depth): Promise<number> {
  const env = {
    OVS_DB: process.env['OVS_DB'] ?? '',
    DUMMY: parts.dummy,
    ...(parts.bridgeNetfilter && { BRIDGE_NETFILTER: '1' }),
  };
  const started = performance.now();
  await run([script, shape, depth, sandboxName, parts.node], { env });
  const ms = performance.now() - started;
  await removeByHand(parts, depth, shape);
  return ms;
}

async function removeByHand({ node }: Parts, depth: Depth, shape: Shape): Promise<void> {
  if (depth === 'dhcp') {
    await run(['pkill', '-KILL', '-F', path.join(node, 'dnsmasq.pid')]);
  }
  if (depth === 'switch' || depth === 'dhcp') {
    const remove = ['ovs-vsctl', `--db=${process.env['OVS_DB'] ?? ''}`];
    await run([...remove, '--if-exists', 'del-port', 'pbhand0', '--', '--if-exists', 'del-port', 'pbhand1']);
  }
  for (const link of shape === 'bridge' ? ['pbhand0', 'pbhand1'] : ['pbhand0']) {
    await run(['ip', 'link', 'del', link]);
  }
  await run(['ip', 'netns', 'del', sandboxName]);
}
