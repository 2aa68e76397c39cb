/** What was seen against what is expected. Pure. */
import type { IpFamily } from '#api/ip-range.ts';
import type { Cell } from './cells.ts';
import { type Host, nicName } from './nics.ts';
import { hostKey } from './peers.ts';

/** What a run saw. */
export interface Observations {
  /** By cell id: `answer` came with the target's nonce (pings: from anybody); datagrams: `arrived` at the target. */
  readonly seen: ReadonlyMap<
    number,
    { readonly result: 'answer' | 'other' | 'silence'; readonly rttMs?: number }
  >;
  /** Cells whose host cut packets into pieces while they were probed. */
  readonly cut: ReadonlySet<number>;
  /** By cell id: why it was not probed though it could have been. */
  readonly failed: ReadonlyMap<number, string>;
  /** By cell id: why it could not be probed. */
  readonly skipped: ReadonlyMap<number, string>;
  /** Pings that a host's kernel answered during the run, by `hostKey`. */
  readonly echoes: ReadonlyMap<string, { readonly v4: number; readonly v6: number }>;
}

/** `ok` as expected, `differs`, `skipped` could not be tested, `failed` the probe itself did not run. */
export type Outcome = 'ok' | 'differs' | 'skipped' | 'failed';

/** A cell and what became of it. */
export interface Result {
  readonly cell: Cell;
  readonly outcome: Outcome;
  readonly seen: string;
  /** Of isolation: what shows that silence is not that of a dead target. */
  readonly proof?: string;
}

/** Judges every cell, in order. */
export function judge(cells: readonly Cell[], observed: Observations): readonly Result[] {
  const missing = echoesMissing(cells, observed);
  const reached = new Map(
    cells
      .filter(({ expect }) => expect === 'reach')
      .map((cell) => [cell.id, judgeReach(cell, observed, missing)]),
  );
  const proofs = proofsOf([...reached.values()]);
  const mute = muteSources([...reached.values()]);
  return cells.map((cell) => reached.get(cell.id) ?? judgeIsolation(cell, observed, proofs, mute));
}

/** What could not be judged at all; undefined when it can. */
function notProbed(cell: Cell, { failed, skipped, seen }: Observations): Result | undefined {
  const failure = failed.get(cell.id);
  const reason = skipped.get(cell.id);
  if (failure !== undefined) {
    return { cell, outcome: 'failed', seen: failure };
  }
  if (reason !== undefined) {
    return { cell, outcome: 'skipped', seen: reason };
  }
  return seen.has(cell.id) ? undefined : { cell, outcome: 'failed', seen: 'the probe told nothing' };
}

function judgeReach(cell: Cell, observed: Observations, missing: ReadonlySet<string>): Result {
  const unable = notProbed(cell, observed);
  if (unable !== undefined) {
    return unable;
  }
  const seen = observed.seen.get(cell.id);
  const differs = (text: string): Result => ({ cell, outcome: 'differs', seen: text });
  if (seen?.result !== 'answer') {
    return differs(seen?.result === 'other' ? 'something else answered' : 'no answer');
  }
  if (cell.protocol === 'icmp' && missing.has(echoKey(cell))) {
    return differs('answered, but not by the target');
  }
  if (cell.protocol === 'icmp' && cell.size === 'mtu' && observed.cut.has(cell.id)) {
    return differs(`${cell.packet} bytes left in pieces`);
  }
  const ms = seen.rttMs === undefined ? '' : ` in ${seen.rttMs.toFixed(1)} ms`;
  return { cell, outcome: 'ok', seen: `answered${ms}` };
}

function judgeIsolation(
  cell: Cell,
  observed: Observations,
  proofs: ReadonlyMap<string, string>,
  mute: ReadonlySet<string>,
): Result {
  const unable = notProbed(cell, observed);
  if (unable !== undefined) {
    return unable;
  }
  if (observed.seen.get(cell.id)?.result === 'answer') {
    return { cell, outcome: 'differs', seen: 'answered' };
  }
  const proof = proofs.get(targetKey(cell));
  if (proof === undefined) {
    return { cell, outcome: 'skipped', seen: 'no answer, which proves nothing: the target answered nobody' };
  }
  if (mute.has(sourceKey(cell))) {
    return { cell, outcome: 'skipped', seen: 'no answer, which proves nothing: the source reached nobody' };
  }
  return { cell, outcome: 'ok', seen: 'no answer', proof };
}

/** By target, family, protocol and port: a cell that reached it. */
function proofsOf(results: readonly Result[]): ReadonlyMap<string, string> {
  return new Map(
    results.flatMap(({ cell, outcome }) =>
      outcome === 'ok'
        ? [
            [
              targetKey(cell),
              cell.from === cell.to ? 'answers itself' : `answers ${nicName(cell.from)}`,
            ] as const,
          ]
        : [],
    ),
  );
}

/** Sources that should reach somebody in a family and reached nobody. */
function muteSources(results: readonly Result[]): ReadonlySet<string> {
  const tried = results.filter(
    ({ cell, outcome }) => cell.from !== cell.to && (outcome === 'ok' || outcome === 'differs'),
  );
  const heard = new Set(tried.filter(({ outcome }) => outcome === 'ok').map(({ cell }) => sourceKey(cell)));
  return new Set(tried.map(({ cell }) => sourceKey(cell)).filter((key) => !heard.has(key)));
}

/**
 * Hosts and families in which the target's kernel answered fewer pings than were answered in its name: somebody else
 * has its address. Behind a list of ports the pod answers, whose counters are not the guest's.
 */
function echoesMissing(cells: readonly Cell[], { seen, echoes }: Observations): ReadonlySet<string> {
  const answered = new Map<string, number>();
  for (const cell of cells) {
    const counts = cell.protocol === 'icmp' && cell.expect === 'reach' && cell.to.lets === undefined;
    if (counts && seen.get(cell.id)?.result === 'answer') {
      answered.set(echoKey(cell), (answered.get(echoKey(cell)) ?? 0) + 1);
    }
  }
  const countOf = (host: Host, family: IpFamily): number =>
    echoes.get(hostKey(host))?.[family === 4 ? 'v4' : 'v6'] ?? 0;
  return new Set(
    cells.flatMap((cell) =>
      (answered.get(echoKey(cell)) ?? 0) > countOf(cell.to.host, cell.family) ? [echoKey(cell)] : [],
    ),
  );
}

function echoKey({ to, family }: Cell): string {
  return `${hostKey(to.host)} ${family}${to.lets === undefined ? '' : ' pod'}`;
}

function targetKey({ to, family, protocol, port }: Cell): string {
  return `${nicName(to)} ${family} ${protocol} ${port}`;
}

function sourceKey({ from, family }: Cell): string {
  return `${nicName(from)} ${family}`;
}
