/** T14: a guest under another MAC or address, in frames, ARP and neighbour discovery. */
import type { Run, Trial } from '../reliability/lib/trial.ts';
import { attack, castOf, gatewayIn } from './attack.ts';
import { linkLocal } from './frames.ts';
import { inNetns, type Nic } from './lab.ts';
import { withHole } from './plant.ts';
import { addressLies, type Cast, honest, ip4Lies, ip6Lies, last, macLies } from './spoofing.ts';
import { measureCost } from './throughput.ts';
import { type End, networks, openWorld, type World } from './world.ts';

/** Forged frames of the full run, over all networks. */
const fullFrames = 200_000;

export const spoofingTrial: Trial = {
  id: 'T14',
  title: 'no guest is taken for another: MAC, IP, ARP and neighbour discovery',
  bugs: ['no-port-security', 'no-macspoofchk', 'unhidden'],
  smoke: 0.01,
  async run(run) {
    const world = await openWorld();
    await withHole(world, run.plan.bug, async () => {
      await learnGateway(world);
      const before = await known(world);
      const ends = (Object.keys(networks) as End[]).filter((end) => networks[end].checked);
      const rounds = Math.ceil(run.scaled(fullFrames) / (ends.length + 2) / 20);
      for (const end of ends) {
        if (!run.done) await onNetwork(run, world, end, rounds);
      }
      if (!run.done) await onPrimary(run, world, rounds);
      if (!run.done) await behindMasquerade(run, world, rounds);
      const after = await known(world);
      run.check(after === before, () => `the victim's gateway was ${before} and is ${after}`);
      await checkNeighbours(run, world);
    });
    if (run.plan.share === 1) {
      await measureCost(run, world);
    }
  },
};

async function onNetwork(run: Run, world: World, end: End, rounds: number): Promise<void> {
  const [self, victim, far] = [world.attacker, world.victim, world.far].map((nics) => nics.get(end));
  if (self === undefined || victim === undefined || far === undefined) {
    throw new Error(`a pod has no ${end}`);
  }
  const gateway = end === 'eth0' ? gatewayIn(self.who.ip4, 23) : far.who;
  await spoof(run, world, {
    title: end,
    self,
    victim,
    cast: castOf(self, victim, gateway),
    rounds,
    isAddressed: networks[end].addressed,
  });
}

async function onPrimary(run: Run, world: World, rounds: number): Promise<void> {
  const [self, victim] = [world.tenants[0]?.[0]?.get('ovn-udn1'), world.tenants[0]?.[1]?.get('ovn-udn1')];
  if (self === undefined || victim === undefined) {
    throw new Error('the tenants have no ovn-udn1');
  }
  const cast = castOf(self, victim, gatewayIn(self.who.ip4, 16));
  await spoof(run, world, { title: 'ovn-udn1', self, victim, cast, rounds, isAddressed: true });
}

async function spoof(
  run: Run,
  world: World,
  how: {
    readonly title: string;
    readonly self: Nic;
    readonly victim: Nic;
    readonly cast: Cast;
    readonly rounds: number;
    readonly isAddressed: boolean;
  },
): Promise<void> {
  const { title, self, victim, cast, rounds, isAddressed } = how;
  const random = (): number => run.random.next();
  const frames = Array.from({ length: rounds }, () => [
    ...honest(cast),
    ...macLies(cast, random),
    ...addressLies(cast, random),
    // Without addresses of its own a network cannot tell whose one is.
    ...(isAddressed ? [...ip4Lies(cast, random), ...ip6Lies(cast, random)] : []),
  ]).flat();
  await attack(run, world, {
    title,
    from: { netns: self.netns, link: self.link },
    own: [self.host],
    frames,
    honest: { count: rounds, at: victim.host, last: last(cast) },
  });
}

/** What the guest's card sends under another address than 10.0.2.2 stays in the pod. */
async function behindMasquerade(run: Run, world: World, rounds: number): Promise<void> {
  const { nics, pid } = world.machine;
  const [pod, bridge, victim] = [nics.get('eth0'), nics.get('k6t-eth0'), world.victim.get('eth0')];
  if (pod === undefined || bridge === undefined || victim === undefined) {
    throw new Error('the machine has no masquerade');
  }
  const guest = { mac: world.machine.mac, ip4: '10.0.2.2' };
  const gateway = { mac: bridge.who.mac, ip4: '10.0.2.1' };
  // To the router in the pod, as whoever is beyond it.
  const cast: Cast = {
    self: guest,
    victim: { mac: gateway.mac, ip4: victim.who.ip4 },
    gateway: { ...gateway, ip4: pod.who.ip4 },
  };
  const frames = Array.from({ length: rounds }, () => [
    ...honest(cast),
    ...ip4Lies(cast, () => run.random.next()),
  ]).flat();
  await attack(run, world, {
    title: 'masquerade',
    from: { netns: pod.netns, tap: 'tap0', pid },
    own: [],
    frames,
    honest: { count: rounds, at: victim.host, last: last(cast) },
  });
}

/** Victims that the attacker could be taken for somebody by, and what they ought to know. */
async function checkNeighbours(run: Run, world: World): Promise<void> {
  const victims = [world.victim, world.far, ...(world.tenants[0]?.slice(1) ?? [])];
  for (const nics of victims) {
    for (const { pod, netns, link } of nics.values()) {
      const attackers = [world.attacker, ...(world.tenants[0]?.slice(0, 1) ?? [])].flatMap(
        (each) => each.get(link)?.who ?? [],
      );
      for (const { dst, lladdr } of await neighboursOn(netns, link)) {
        const isOwn = attackers.some(
          ({ mac, ip4, ip6 }) => mac !== lladdr || dst === ip4 || dst === ip6 || dst === linkLocal(mac),
        );
        run.check(attackers.length === 0 || isOwn, () => `${pod} ${link} takes ${lladdr} for ${dst}`);
      }
    }
  }
}

/** What a victim knew before, it knows after. */
async function known({ victim }: World): Promise<string> {
  const nic = victim.get('eth0');
  const table = nic === undefined ? [] : await neighboursOn(nic.netns, 'eth0');
  return (
    table.map(({ dst, lladdr }) => `${dst} ${lladdr}`).find((line) => line.includes('.1 ')) ?? 'no gateway'
  );
}

async function neighboursOn(
  netns: string,
  link: string,
): Promise<readonly { readonly dst: string; readonly lladdr: string }[]> {
  const table = JSON.parse(await inNetns(netns, ['ip', '-j', 'neigh', 'show', 'dev', link])) as readonly {
    readonly dst: string;
    readonly lladdr?: string;
  }[];
  return table.flatMap(({ dst, lladdr }) => (lladdr === undefined ? [] : [{ dst, lladdr }]));
}

/** Has the victim learn its gateway. */
async function learnGateway({ victim }: World): Promise<void> {
  const nic = victim.get('eth0');
  if (nic !== undefined) {
    const { ip4 } = gatewayIn(nic.who.ip4, 23);
    await inNetns(nic.netns, ['busybox', 'ping', '-c', '1', '-W', '3', ip4]);
  }
}
