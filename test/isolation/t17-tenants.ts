/** T17: two tenants with the same subnet, addresses and MACs, and what each can reach outside of its own network. */
import { execute } from '../e2e/cluster.ts';
import type { Run, Trial } from '../reliability/lib/trial.ts';
import { attack, gatewayIn } from './attack.ts';
import { probes } from './escapes.ts';
import { probes6 } from './escapes6.ts';
import { ip4 as bytesOfIp4, ip6 as bytesOfIp6, linkLocal } from './frames.ts';
import type { Nic } from './lab.ts';
import { appctl, nb, withHole } from './plant.ts';
import { honest, type Identity, last } from './spoofing.ts';
import { openWorld, type World } from './world.ts';

const fullProbes = 10_000;

export const tenantsTrial: Trial = {
  id: 'T17',
  title: 'tenants share nothing, though they are alike',
  bugs: ['no-node-guard', 'no-lock'],
  smoke: 0.1,
  async run(run) {
    const world = await openWorld();
    await withHole(world, run.plan.bug, async () => {
      run.check(
        areAlike(world),
        () => 'the tenants have not the same addresses and MACs: nothing would be shown',
      );
      await keepingNoFragments(world, run, () => atAllTimes(run, world));
    });
  },
};

async function atAllTimes(run: Run, world: World): Promise<void> {
  await everywhere(run, world, 'at rest');
  if (run.done) return;
  await reachable(run, world);
  await duringRecompute(world, async () => {
    await everywhere(run, world, 'during full recomputes');
    await reachable(run, world);
  });
  await restartControllers(world);
  await everywhere(run, world, 'after a restart of ovn-controller');
  await reachable(run, world);
}

function areAlike({ tenants }: World): boolean {
  const [one, other] = tenants.map((pods) =>
    pods
      .map((nics) => nics.get('ovn-udn1')?.who)
      .map((who) => `${who?.mac} ${who?.ip4} ${who?.ip6 ?? 'no IPv6'}`)
      .sort(),
  );
  return one !== undefined && one.join() === other?.join() && !one.join().includes('no IPv6');
}

/** From every pod of the first tenant, by both of its ends, to everything there is. */
async function everywhere(run: Run, world: World, when: string): Promise<void> {
  const { tenants } = world;
  const [mine = []] = tenants;
  const own = mine.flatMap((nics) => [...nics.values()].map(({ host }) => host));
  const pods = run.plan.share < 1 ? mine.slice(0, 1) : mine;
  const senders = pods.flatMap((nics) => ['ovn-udn1', 'eth0'].flatMap((end) => nics.get(end) ?? []));
  for (const self of senders) {
    const all = targetsOf(world, self).flatMap(([prefix, to]) => [
      ...probes(self.who, to, prefix),
      ...probes6(self.who, to, prefix),
    ]);
    const wanted = Math.ceil(run.scaled(fullProbes) / 3 / senders.length);
    const rounds = Math.ceil(wanted / all.length);
    // Of a part each probe is as likely as any other; protocol 0 stays before what follows it.
    const round = all.filter(() => rounds > 1 || run.random.next() < wanted / all.length);
    const friend = mine.find(
      (nics) => nics.get(self.link) !== self && nics.get(self.link)?.node === self.node,
    );
    const at = self.link === 'ovn-udn1' ? friend?.get('ovn-udn1') : undefined;
    const cast = at && { self: self.who, victim: at.who, gateway: at.who };
    const legitimate = cast === undefined ? [] : honest(cast);
    const frames = Array.from({ length: rounds }, () => [...legitimate, ...round]).flat();
    await attack(run, world, {
      title: `${self.pod} ${self.link}, ${when}`,
      from: { netns: self.netns, link: self.link },
      own: [self.host],
      frames,
      ...(at && cast && { honest: { count: rounds, at: at.host, last: last(cast) } }),
      // Within the tenant's own network, and on its way out of the node, hidden; `host` is for nobody at all.
      mayBeSeen: ({ link, name, sample }) =>
        !name.startsWith('host-') &&
        !(['br-ex', 'eth0'].includes(link) && isSentBy(self.who, sample)) &&
        (self.link === 'ovn-udn1' ? own.includes(link) || !link.startsWith('pb') : false),
    });
    if (run.done) return;
  }
}

/** True for an IP packet with such a source, in hex. */
function isSentBy({ ip4, ip6 }: Identity, frame: string): boolean {
  const rest = frame.slice(24);
  return (
    (rest.startsWith('0800') && rest.slice(28, 36) === bytesOfIp4(ip4).toString('hex')) ||
    (rest.startsWith('86dd') && ip6 !== undefined && rest.slice(20, 52) === bytesOfIp6(ip6).toString('hex'))
  );
}

/** Everything that is not the tenant's, with the MAC by which it may be reached. */
function targetsOf(world: World, self: Nic): readonly (readonly [string, Identity])[] {
  const gateway = self.link === 'eth0' ? gatewayIn(self.who.ip4, 23) : gatewayIn(self.who.ip4, 16);
  const others = [...(world.tenants[1] ?? []), world.victim, world.far, world.machine.nics];
  const pods = others.flatMap((nics) => ['eth0', 'ovn-udn1'].flatMap((end) => nics.get(end)?.who ?? []));
  const services = [
    // Where Services, metadata and the way out through the node are; and the nodes.
    { ip4: '172.30.0.1', ip6: 'fd02::1' },
    { ip4: '172.30.0.10', ip6: 'fd02::a' },
    { ip4: '10.96.0.1', ip6: 'fd00:ec2::254' },
    { ip4: '169.254.169.254' },
    { ip4: '169.254.0.1', ip6: 'fd69::1' },
    { ip4: '169.254.0.2', ip6: 'fd69::2' },
    ...world.nodes.map(({ address }) => ({ ip4: address })),
  ];
  const address = world.nodes[0]?.address ?? '';
  return [
    ...pods.flatMap((who) => [['pod', who] as const, ['via', { ...who, mac: gateway.mac }] as const]),
    ...services.map((where) => ['svc', { mac: gateway.mac, ...where }] as const),
    // Behind the switch's back: the node's end of the own pair.
    ['host', { mac: self.hostMac, ip4: address, ip6: linkLocal(self.hostMac) }],
    ['host', { ...pods[0], mac: self.hostMac, ip4: pods[0]?.ip4 ?? '' }],
    ['host', { mac: self.hostMac, ip4: address.replace(/\.\d+$/, '.1') }],
  ];
}

/** The allowed list exactly: the API server is reached, the nodes' own services are not. */
async function reachable(run: Run, world: World): Promise<void> {
  const { tenants, nodes } = world;
  const from = tenants[0]?.[0]?.get('ovn-udn1')?.netns ?? '';
  const api = (nodes[0]?.address ?? '').replace(/\.\d+$/, '.1');
  const connects = async (address: string, port: number): Promise<boolean> => {
    const script = 'import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1.5)';
    const argv = [
      'nsenter',
      `--net=/run/netns/${from}`,
      '--',
      'python3',
      '-c',
      script,
      address,
      String(port),
    ];
    return (await execute(argv)).status === 0;
  };
  const apiPort = await portOfApi(world);
  run.check(await connects(api, apiPort), () => `a tenant does not reach the API server ${api}:${apiPort}`);
  const forbidden = [...nodes.map(({ address }) => address), '169.254.0.2', '169.254.169.254'];
  for (const address of forbidden) {
    run.check(!(await connects(address, 10_250)), () => `a tenant reaches ${address}:10250`);
  }
}

/** Fragments that Open vSwitch of a node in user space kept since it started, to put them together: `v4 …: N, v6 …: N`. */
async function fragmentsKept(node: string): Promise<string> {
  const told = await appctl(node, 'ovs-vswitchd', 'dpctl/ipf-get-status');
  return (told.match(/v[46] (enabled|frags accepted): \d+/g) ?? []).join(', ');
}

/** What Open vSwitch in user space keeps of fragments it gives, 15 s later, to whatever connection it sees next. */
async function keepingNoFragments({ nodes }: World, run: Run, action: () => Promise<void>): Promise<void> {
  const kept = (): Promise<readonly string[]> => Promise.all(nodes.map(({ name }) => fragmentsKept(name)));
  const before = await kept();
  await action();
  for (const [index, after] of (await kept()).entries()) {
    const [node, was] = [nodes[index]?.name, before[index]];
    run.check(
      after === was && !after.includes('enabled: 1'),
      () => `Open vSwitch of ${node} kept fragments, or is to: first ${was}; then ${after}`,
    );
  }
}

/** The port that the API server listens on. */
async function portOfApi({ cluster }: World): Promise<number> {
  const { stdout } = await cluster.kubectl([
    'config',
    'view',
    '-o',
    'jsonpath={.clusters[0].cluster.server}',
  ]);
  const port = Number(new URL(stdout).port);
  if (!(port > 0)) {
    throw new Error(`the kubeconfig tells no port of the API server: ${stdout}`);
  }
  return port;
}

/** ovn-controller computes everything anew, again and again, as long as something happens. */
async function duringRecompute(world: World, action: () => Promise<void>): Promise<void> {
  let goesOn = true;
  const recompute = async (node: string): Promise<void> => {
    while (goesOn) {
      await appctl(node, 'ovn-controller', 'inc-engine/recompute');
      await nb('--wait=hv', 'sync');
    }
  };
  const loops = world.nodes.map(({ name }) => recompute(name));
  try {
    await action();
  } finally {
    goesOn = false;
    await Promise.all(loops);
  }
}

/** Kills ovn-controller on every node, and waits until what is there anew has taken everything over. */
async function restartControllers({ cluster }: World): Promise<void> {
  const { processes } = await cluster.status();
  const pids = processes.filter(({ name }) => name === 'ovn-controller').map(({ pid }) => pid);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  for (const end = Date.now() + 20_000; ; ) {
    const now = (await cluster.status()).processes.filter(({ name }) => name === 'ovn-controller');
    if (now.length === pids.length && now.every(({ pid }) => !pids.includes(pid))) break;
    if (Date.now() > end) throw new Error('ovn-controller did not come back within 20 s');
  }
  await nb('--wait=hv', 'sync');
}
