/** T16: a guest that says it is a router, a DHCP server, a multicast router or a bridge. */
import type { Run, Trial } from '../reliability/lib/trial.ts';
import { attack, castOf, gatewayIn } from './attack.ts';
import { inNetns, type Nic, type Sender } from './lab.ts';
import { withHole } from './plant.ts';
import { bridgeLies, dhcpLies, querierLies, routerLies } from './rogue.ts';
import { type Cast, honest, type Identity, last } from './spoofing.ts';
import { type End, networks, openWorld, type World } from './world.ts';

const fullRounds = 500;

export const rogueTrial: Trial = {
  id: 'T16',
  title: 'no guest is a router, DHCP server, querier or bridge',
  bugs: ['no-guard', 'no-sandbox-filter'],
  smoke: 0.02,
  async run(run) {
    const world = await openWorld();
    const rounds = run.scaled(fullRounds);
    await withHole(world, run.plan.bug, async () => {
      const before = await routes(world);
      for (const end of Object.keys(networks) as End[]) {
        if (!run.done && networks[end].checked) await onNetwork(run, world, end, rounds);
      }
      const tenant = world.tenants[0];
      const [self, victim] = [tenant?.[0]?.get('ovn-udn1'), tenant?.[1]?.get('ovn-udn1')];
      if (!run.done && self !== undefined && victim !== undefined) {
        const gateway = gatewayIn(self.who.ip4, 16);
        await pretend(run, world, { title: 'ovn-udn1', self, victim, gateway, rounds, isGiven: true });
      }
      if (!run.done) await fromGuest(run, world, rounds);
      run.check(
        JSON.stringify(await routes(world)) === JSON.stringify(before),
        () => `routes of the victims changed: before ${JSON.stringify(before)}`,
      );
    });
    await acceptsNoAdvertisements(run, world);
  },
};

async function onNetwork(run: Run, world: World, end: End, rounds: number): Promise<void> {
  const [self, victim, far] = [world.attacker, world.victim, world.far].map((nics) => nics.get(end));
  if (self === undefined || victim === undefined || far === undefined) {
    throw new Error(`a pod has no ${end}`);
  }
  const gateway = end === 'eth0' ? gatewayIn(self.who.ip4, 23) : far.who;
  // On a network of OVN that gives no addresses guests bring their own servers and routers.
  const isGiven = networks[end].addressed || end === 'brc0';
  await pretend(run, world, { title: end, self, victim, gateway, rounds, isGiven });
}

async function pretend(
  run: Run,
  world: World,
  how: {
    readonly title: string;
    readonly self: Nic;
    readonly victim: Nic;
    readonly gateway: Identity;
    readonly rounds: number;
    readonly isGiven: boolean;
    readonly from?: Sender;
  },
): Promise<void> {
  const { title, self, victim, rounds, isGiven } = how;
  const cast: Cast = castOf(self, victim, how.gateway);
  const frames = Array.from({ length: rounds }, () => [
    ...honest(cast),
    ...bridgeLies(cast),
    ...(isGiven ? [...routerLies(cast), ...dhcpLies(cast), ...querierLies(cast)] : []),
  ]).flat();
  await attack(run, world, {
    title,
    from: how.from ?? { netns: self.netns, link: self.link },
    own: how.from === undefined ? [self.host] : [],
    frames,
    honest: { count: rounds, at: victim.host, last: last(cast) },
  });
}

/** By the machine's card on the checked bridge: stopped at its tap, so not even its node's end sees them. */
async function fromGuest(run: Run, world: World, rounds: number): Promise<void> {
  const { nics, pid } = world.machine;
  const [tap, pod] = ['tap', 'pod'].map((begin) =>
    [...nics.values()].find(({ link }) => link.startsWith(begin) && link !== 'tap0'),
  );
  const victim = world.victim.get('brc0');
  if (tap === undefined || pod === undefined || victim === undefined) {
    throw new Error('the machine has no card on the checked bridge');
  }
  const self = { ...tap, who: { mac: pod.who.mac, ip4: '10.62.0.9' } };
  const from = { netns: tap.netns, tap: tap.link, pid };
  const gateway = world.far.get('brc0')?.who ?? victim.who;
  await pretend(run, world, { title: 'guest on brc0', self, victim, gateway, rounds, isGiven: true, from });
}

/** Routes of the victims, by pod. */
async function routes({ victim, far, tenants }: World): Promise<Readonly<Record<string, string>>> {
  const nics = [victim, far, ...tenants.flatMap((tenant) => tenant.slice(1))].flatMap(
    (each) => each.get('eth0') ?? [],
  );
  const tables = await Promise.all(
    nics.map(async ({ pod, netns }) => {
      const [v4, v6] = await Promise.all(
        ['-4', '-6'].map((family) => inNetns(netns, ['ip', family, 'route'])),
      );
      // How long a route still lasts is no change of it.
      return [pod, `${v4}${v6}`.replaceAll(/ expires \d+sec/g, '')] as const;
    }),
  );
  return Object.fromEntries(tables);
}

/** CVE-2020-10749: the node takes no advertisement on any end of a pod. */
async function acceptsNoAdvertisements(run: Run, { victim }: World): Promise<void> {
  const node = victim.get('eth0')?.netns.replace(/\.[^.]+$/, '') ?? '';
  const script = 'for f in /proc/sys/net/ipv6/conf/pb*/accept_ra; do echo "$f $(cat "$f")"; done';
  const told = (await inNetns(node, ['sh', '-c', script])).trim().split('\n');
  const wrong = told.filter((line) => !line.endsWith(' 0'));
  run.check(
    told.length > 0 && wrong.length === 0,
    () => `the node accepts advertisements: ${wrong.join(', ')}`,
  );
}
