/** One attack on one network: frames out, and what was seen of them where they have no business. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Run } from '../reliability/lib/trial.ts';
import {
  type Nic,
  type OpenSender,
  openSender,
  type Sender,
  type Sighting,
  type Watch,
  watchWhile,
} from './lab.ts';
import type { Cast, Identity } from './spoofing.ts';
import type { World } from './world.ts';

/**
 * Frames on their way at once: fewer than any queue on the way holds (a packet socket of Open vSwitch in user space about
 * 270), however busy the machine is. So a frame that does not arrive was dropped on purpose.
 */
const window = 100;
/** Where nothing may arrive, nothing tells that all is through: a rate that the queues bear, ms per window. */
const pauseMs = 50;

/** An attack. */
export interface Attack {
  readonly title: string;
  readonly from: Sender;
  /** Links on which the attacker's own frames are seen before anybody checks them. */
  readonly own: readonly string[];
  readonly frames: readonly Buffer[];
  /** Frames among them under the mark `honest`, and where each must arrive. */
  readonly honest?: { readonly count: number; readonly at: string; readonly last: Buffer };
  /** Whether a marked frame may be seen where it was; `honest` ones may anywhere. */
  readonly mayBeSeen?: (sighting: Sighting) => boolean;
}

/** Carries an attack out; everything seen that must not be is a violation. */
export async function attack(run: Run, world: World, plan: Attack): Promise<void> {
  const { title, from, own, frames, honest } = plan;
  const seen = await watchWhile(['node1', 'node2'], async (watch) => {
    const sender = openSender(from);
    for (let at = 0; at < frames.length; at += window) {
      await sender.send(frames.slice(at, at + window));
      if (honest !== undefined) await drain(sender, watch, honest);
      else await delay(pauseMs);
    }
    await sender.close();
  });
  const leaks = seen.filter(
    ({ way, link, name }) => name !== 'honest' && name !== 'end' && !(way === 'in' && own.includes(link)),
  );
  run.count('forged frames sent', frames.length - (honest?.count ?? 0));
  for (const sighting of leaks.filter((one) => plan.mayBeSeen?.(one) !== true)) {
    const { node, way, link, vlan, name, count, sample } = sighting;
    run.count('forged frames seen', count);
    const where = `${way} ${world.nameOf(link)} on ${node}${vlan === 0 ? '' : `, VLAN ${vlan}`}`;
    run.violation(`${title}: ${count} frames "${name}" seen ${where}: ${sample}`);
  }
  if (honest !== undefined) {
    const arrived = seen
      .filter(({ way, link, name }) => name === 'honest' && way === 'out' && link === honest.at)
      .reduce((sum, { count }) => sum + count, 0);
    run.count('legitimate frames sent', honest.count);
    run.count('legitimate frames lost', honest.count - arrived);
    run.check(
      arrived === honest.count,
      () => `${title}: of ${honest.count} legitimate frames ${arrived} arrived`,
    );
  }
}

/** Waits until an honest frame sent now has arrived: then all before it have gone where they go. */
async function drain(
  sender: OpenSender,
  watch: Watch,
  { at, last }: NonNullable<Attack['honest']>,
): Promise<void> {
  const known = watch.ends(at);
  const end = Date.now() + 5_000;
  do {
    await sender.send([last]);
  } while (!(await watch.more(at, known, 200)) && Date.now() < end);
}

/** Who is who when `self` attacks `victim`; the gateway is the network's, or somebody else's address. */
export function castOf(self: Nic, victim: Nic, gateway: Identity): Cast {
  return { self: self.who, victim: victim.who, gateway };
}

/** The first address of a /16 to /24 that an address is in, with the MAC that OVN gives its router there. */
export function gatewayIn(address: string, prefix: 16 | 23 | 24): Identity {
  const [a = 0, b = 0, c = 0] = address.split('.').map(Number);
  const third = prefix === 24 ? c : prefix === 23 ? c & 0xfe : 0;
  const octets = [a, b, third, 1];
  const digits = octets.map((octet) => octet.toString(16).padStart(2, '0'));
  return { ip4: octets.join('.'), mac: `0a:58:${digits.join(':')}` };
}
