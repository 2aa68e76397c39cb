/** What the checks cost: TCP between two pods of a node over a checked network and over its unchecked twin, in turn. */
import { execute } from '../e2e/cluster.ts';
import type { Run } from '../reliability/lib/trial.ts';
import { inNetns, type Nic } from './lab.ts';
import type { World } from './world.ts';

/** Seconds of one measurement, and how many of each: the best counts, as noise only makes slower. */
const seconds = 2;
const turns = 5;
/** Percent. */
const allowed = 2;

const receive = `
import socket,sys,time
s=socket.create_server((sys.argv[1],5201)); print("ready",flush=True); c,_=s.accept(); n=0; begin=time.time()
while True:
    d=c.recv(1<<20)
    if not d: break
    n+=len(d)
print(int(n/(time.time()-begin)))`;
const transmit = `
import socket,sys,time
s=socket.create_connection((sys.argv[1],5201)); d=bytes(1<<16); end=time.time()+float(sys.argv[2])
while time.time()<end: s.sendall(d)`;

/** Measures, and gates at the pass figure. Who is first changes from turn to turn. */
export async function measureCost(run: Run, { attacker, victim }: World): Promise<void> {
  const rates: Readonly<Record<'brc0' | 'brp0', number[]>> = { brc0: [], brp0: [] };
  for (let turn = 0; turn < turns; turn += 1) {
    const order = turn % 2 === 0 ? (['brc0', 'brp0'] as const) : (['brp0', 'brc0'] as const);
    for (const end of order) {
      const [from, to] = [attacker.get(end), victim.get(end)];
      if (from === undefined || to === undefined) throw new Error(`a pod has no ${end}`);
      rates[end].push(await rateOf(from, to));
    }
  }
  const [checked, plain] = [Math.max(...rates.brc0), Math.max(...rates.brp0)];
  const inWords = (list: readonly number[]): string =>
    list.map((rate) => ((rate * 8) / 1e6).toFixed(0)).join(' ');
  run.figure('Mbit/s unchecked, by turn', inWords(rates.brp0));
  run.figure('Mbit/s checked, by turn', inWords(rates.brc0));
  run.limit('throughput cost, percent', Math.max(0, 100 * (1 - checked / plain)), allowed);
}

/** Bytes per second. */
async function rateOf(from: Nic, to: Nic): Promise<number> {
  let listening = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    listening = resolve;
  });
  const netns = `--net=/run/netns/${to.netns}`;
  const argv = ['nsenter', netns, '--', 'python3', '-c', receive, to.who.ip4];
  const ended = execute(argv, undefined, {}, listening);
  await Promise.race([ready, ended]);
  await inNetns(from.netns, ['python3', '-c', transmit, to.who.ip4, String(seconds)]);
  const { stdout, stderr } = await ended;
  const rate = Number(stdout.split('\n')[1]);
  if (!(rate > 0)) {
    throw new Error(`throughput: ${stderr}${stdout}`);
  }
  return rate;
}
