/** T15: frames of an access port that name another VLAN, or hide one in another format. */
import type { Run, Trial } from '../reliability/lib/trial.ts';
import { attack, castOf } from './attack.ts';
import { hops } from './hopping.ts';
import { withHole } from './plant.ts';
import { honest, last } from './spoofing.ts';
import { type End, networks, openWorld, type World } from './world.ts';

const fullRounds = 100;

export const hoppingTrial: Trial = {
  id: 'T15',
  title: 'no guest is heard in another VLAN than its own',
  bugs: ['trunk-port'],
  smoke: 0.05,
  async run(run) {
    const world = await openWorld();
    await withHole(world, run.plan.bug, async () => {
      const ends = (Object.keys(networks) as End[]).filter((end) => 'vlan' in networks[end]);
      for (const end of ends) {
        if (!run.done) await onNetwork(run, world, end, run.scaled(fullRounds));
      }
    });
  },
};

async function onNetwork(run: Run, world: World, end: End, rounds: number): Promise<void> {
  const [self, victim, far] = [world.attacker, world.victim, world.far].map((nics) => nics.get(end));
  const network = networks[end];
  if (self === undefined || victim === undefined || far === undefined || !('vlan' in network)) {
    throw new Error(`a pod has no ${end}`);
  }
  const cast = castOf(self, victim, far.who);
  const others = Object.values(networks).flatMap((one) =>
    'vlan' in one && one !== network ? [one.vlan] : [],
  );
  const frames = Array.from({ length: rounds }, () => [
    ...honest(cast),
    ...others.flatMap((other) => hops(cast, network.vlan, other)),
  ]).flat();
  // Ends of the same network, and the wires, where the frame's outermost VLAN must be the own one.
  const sameNetwork = [victim, far, self].map(({ host }) => host);
  const machine = world.machine.nics.get('lan')?.host;
  await attack(run, world, {
    title: end,
    from: { netns: self.netns, link: self.link },
    own: [self.host],
    frames,
    honest: { count: rounds, at: victim.host, last: last(cast) },
    mayBeSeen: ({ link, vlan }) =>
      sameNetwork.includes(link) ||
      (end === 'brc0' && (link === machine || world.nameOf(link).includes('launcher'))) ||
      (/^eth[12]$/.test(link) && vlan === network.vlan),
  });
}
