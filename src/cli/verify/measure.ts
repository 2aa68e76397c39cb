/** Carries a matrix out: listeners everywhere, probes from every host, what arrived, and nothing left behind. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Counts,
  type Listening,
  parseCollected,
  parseListening,
  parseProbed,
} from '#drivers/reach/answers.ts';
import type { Probe } from '#drivers/reach/program.ts';
import { messageOf } from '#machinery/errors.ts';
import type { Cell } from '#verify/cells.ts';
import type { Observations } from '#verify/judge.ts';
import type { Host } from '#verify/nics.ts';
import { hostKey } from '#verify/peers.ts';
import { settle } from './settle.ts';
import { NotEquipped, type Sites } from './sites.ts';
import { untilAborted } from './until-aborted.ts';

/** How a matrix is measured. */
export interface MeasureOptions {
  readonly sites: Sites;
  readonly udpPort: number;
  /** Seconds that a NIC is waited for before anything is measured, 1 to 30. */
  readonly settleSeconds: number;
  /** Seconds that an expected answer is waited for. */
  readonly answerSeconds: number;
  /** Seconds after which listeners end by themselves, whatever becomes of us. */
  readonly lifeSeconds: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
  readonly onProbed: (done: number) => void;
}

/** Seconds that silence is waited for where it is expected. */
const silenceSeconds = 2;
/** How long listeners that begin are waited for before they are stopped, ms: a guest may never answer. */
const beginningMs = 10_000;
/** Probes of one request: it must be over before its client gives up. */
const batchSize = 32;
/** Probes of a host that run at a time: those that answer need the processor, datagrams and those that wait for silence do not. */
const widths = { answers: 4, waits: 16 } as const;
/** Hosts that probe at a time: more only wait for the processor, and their answers would come late. */
const hostsAtOnce = 4;
/** ICMP and IP headers of a ping in bytes. */
const pingHeaders = { 4: 28, 6: 48 } as const;

/** One host in a run. */
interface Station {
  readonly host: Host;
  readonly nonce: string;
  readonly listening?: Listening;
  /** Why it takes no part. */
  readonly problem?: { readonly text: string; readonly isLack: boolean };
}

/** What was measured. */
export interface Measured {
  readonly observed: Observations;
  /** NICs that reached nobody before it began, and why: a line each. */
  readonly unsettled: readonly string[];
}

/** Measures all cells; rejects when `signal` aborts, after everything it started has been stopped. */
export async function measureCells(cells: readonly Cell[], options: MeasureOptions): Promise<Measured> {
  const hosts = new Map(
    cells.flatMap(({ from, to }) => [from.host, to.host]).map((host) => [hostKey(host), host]),
  );
  const { sites, settleSeconds: seconds, signal } = options;
  const begun: Promise<unknown>[] = [];
  try {
    // First, so that its pings are none of those that are counted later.
    const unsettled = await settle(cells, { sites, seconds, signal });
    const stations = new Map(
      await Promise.all(
        [...hosts].map(async ([key, host]) => [key, await listen(host, cells, options, begun)] as const),
      ),
    );
    return { observed: await new Run(cells, stations, options).measure(), unsettled };
  } finally {
    // What is told to stop while it still begins would go on.
    await Promise.race([Promise.allSettled(begun), delay(beginningMs, undefined, { ref: false })]);
    await Promise.allSettled(
      [...hosts.values()].map((host) => sites.ask(host, { verb: 'stop', run: sites.run })),
    );
  }
}

/** Notes in `begun` what it asked for. */
async function listen(
  host: Host,
  cells: readonly Cell[],
  options: MeasureOptions,
  begun: Promise<unknown>[],
): Promise<Station> {
  const { sites, udpPort, lifeSeconds, signal } = options;
  const nonce = randomBytes(6).toString('hex');
  const own = cells.filter(({ to, protocol }) => hostKey(to.host) === hostKey(host) && protocol === 'tcp');
  const tcpPorts = [...new Set(own.map(({ port }) => port))];
  signal.throwIfAborted();
  try {
    const request = {
      verb: 'listen',
      run: sites.run,
      nonce,
      seconds: lifeSeconds,
      udpPort,
      tcpPorts,
    } as const;
    const asked = sites.ask(host, request);
    begun.push(asked);
    return { host, nonce, listening: parseListening(await untilAborted(asked, signal)) };
  } catch (error) {
    signal.throwIfAborted();
    return { host, nonce, problem: { text: messageOf(error), isLack: error instanceof NotEquipped } };
  }
}

/** One pass over the cells. */
class Run {
  /** Cells that can be probed. */
  readonly #due: readonly Cell[];
  readonly #stations: ReadonlyMap<string, Station>;
  readonly #options: MeasureOptions;
  readonly #seen = new Map<number, { result: 'answer' | 'other' | 'silence'; rttMs?: number }>();
  readonly #cut = new Set<number>();
  readonly #failed = new Map<number, string>();
  readonly #skipped = new Map<number, string>();
  readonly #echoes = new Map<string, Counts>();
  #done: number;

  constructor(cells: readonly Cell[], stations: ReadonlyMap<string, Station>, options: MeasureOptions) {
    this.#stations = stations;
    this.#options = options;
    this.#due = cells.filter((cell) => this.#canProbe(cell));
    this.#done = cells.length - this.#due.length;
  }

  async measure(): Promise<Observations> {
    const byHost = [...Map.groupBy(this.#due, ({ from }) => hostKey(from.host)).values()];
    // Who has most to do begins: nobody waits for it alone in the end.
    const queue = byHost.toSorted((a, b) => b.length - a.length).values();
    const work = async (): Promise<void> => {
      for (const own of queue) {
        await this.#probeFrom(own);
      }
    };
    await Promise.all(Array.from({ length: hostsAtOnce }, work));
    await Promise.all([...this.#stations.values()].map((station) => this.#collect(station)));
    return {
      seen: this.#seen,
      cut: this.#cut,
      failed: this.#failed,
      skipped: this.#skipped,
      echoes: this.#echoes,
    };
  }

  /** Notes why a cell cannot be probed, when it cannot. */
  #canProbe(cell: Cell): boolean {
    const [from, to] = [this.#station(cell.from.host), this.#station(cell.to.host)];
    const problem = from.problem ?? to.problem;
    if (problem !== undefined) {
      (problem.isLack ? this.#skipped : this.#failed).set(cell.id, problem.text);
      return false;
    }
    const lack = lackOf(cell, from.listening, to.listening);
    if (lack !== undefined) {
      this.#skipped.set(cell.id, lack);
    }
    return lack === undefined;
  }

  /** One batch after the other; within one the program runs many at once. What waits is in batches of its own. */
  async #probeFrom(cells: readonly Cell[]): Promise<void> {
    for (const [width, own] of Map.groupBy(cells, widthOf)) {
      for (let at = 0; at < own.length; at += batchSize) {
        this.#options.signal.throwIfAborted();
        const batch = own.slice(at, at + batchSize);
        await this.#probe(batch, widths[width]);
        this.#done += batch.length;
        this.#options.onProbed(this.#done);
      }
    }
  }

  async #probe(batch: readonly Cell[], width: number): Promise<void> {
    const [first] = batch;
    if (first === undefined) {
      return;
    }
    const { sites, signal } = this.#options;
    const probes = batch.map((cell) => this.#probeOf(cell));
    try {
      const answer = sites.ask(first.from.host, { verb: 'probe', probes, width });
      const { seen, pieces } = parseProbed(await untilAborted(answer, signal));
      for (const cell of batch) {
        const one = seen.get(cell.id);
        if (one !== undefined && one.result !== 'sent') {
          this.#seen.set(cell.id, { ...one, result: one.result });
        }
        if ((cell.family === 4 ? pieces.v4 : pieces.v6) > 0) {
          this.#cut.add(cell.id);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      for (const { id } of batch) {
        this.#failed.set(id, messageOf(error));
      }
    }
  }

  #probeOf(cell: Cell): Probe {
    const { id, protocol, size, address, port, from, to, family, packet, expect } = cell;
    const kind = protocol === 'icmp' ? 'ping' : protocol === 'tcp' && size === 'mtu' ? 'bulk' : protocol;
    return {
      id,
      kind,
      address,
      device: from === to ? '-' : from.device,
      bytes: packet === 0 ? 56 : packet - pingHeaders[family],
      port,
      nonce: this.#station(to.host).nonce,
      seconds: expect === 'reach' ? this.#options.answerSeconds : silenceSeconds,
    };
  }

  /** Datagrams that came to a host, and the pings its kernel answered. */
  async #collect({ host, nonce, listening }: Station): Promise<void> {
    if (listening === undefined) {
      return;
    }
    const { sites, signal } = this.#options;
    const own = this.#due.filter(
      ({ to, protocol }) => protocol === 'udp' && hostKey(to.host) === hostKey(host),
    );
    try {
      const asked = sites.ask(host, { verb: 'collect', run: sites.run });
      const { arrived, echoes } = parseCollected(await untilAborted(asked, signal));
      const ids = new Set(arrived.filter((one) => one.nonce === nonce).map(({ id }) => id));
      for (const { id } of own.filter((cell) => !this.#failed.has(cell.id))) {
        this.#seen.set(id, { result: ids.has(id) ? 'answer' : 'silence' });
      }
      const before = listening.echoes;
      this.#echoes.set(hostKey(host), { v4: echoes.v4 - before.v4, v6: echoes.v6 - before.v6 });
    } catch (error) {
      signal.throwIfAborted();
      for (const { id } of own) {
        this.#failed.set(id, messageOf(error));
      }
    }
  }

  #station(host: Host): Station {
    return (
      this.#stations.get(hostKey(host)) ?? { host, nonce: '', problem: { text: 'not asked', isLack: false } }
    );
  }
}

/** Datagrams are not answered: they are sent three times, with pauses. */
function widthOf({ expect, protocol }: Cell): keyof typeof widths {
  return expect === 'no-reach' || protocol === 'udp' ? 'waits' : 'answers';
}

/** What the source or the target lacks for a cell. */
function lackOf(cell: Cell, from: Listening | undefined, to: Listening | undefined): string | undefined {
  if (cell.protocol === 'udp' && (from?.hasUdp !== true || to?.hasUdp !== true)) {
    return 'one of the two has no OpenBSD netcat (nc.openbsd), or its UDP port is taken';
  }
  return cell.protocol === 'tcp' && to?.tcpPorts.includes(cell.port) !== true
    ? `port ${cell.port} of the target is taken by something else`
    : undefined;
}
