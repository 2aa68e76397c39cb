/** What cells that are not as expected have in common: the NIC, host, network or pair of nodes at which to look. Pure. */
import type { Cell } from './cells.ts';
import type { Result } from './judge.ts';
import { nicName } from './nics.ts';

/** A group of cells of which most are not as expected. */
export interface Common {
  /** `vm ns/x:default IPv6`, `pod ns/p`, `udp to pod ns/p`, `network ns/lan`, `node1 to node2`. */
  readonly name: string;
  /** Cells not as expected that no earlier group names, and cells of the group in all. */
  readonly wrong: number;
  readonly all: number;
  /** What was seen, most frequent first, with numbers of cells. */
  readonly seen: readonly { readonly what: string; readonly cells: number }[];
}

/** Part of a group's cells from which on the group is held to be the cause. */
const enough = 0.75;

/** Results of one NIC, host, network or pair of nodes. */
interface Group {
  readonly name: string;
  /** 0 is the narrowest kind. */
  readonly level: number;
  readonly members: readonly Result[];
}

/**
 * Groups, the one that explains most first; every cell that is not as expected is in one of them. Of two that explain as
 * much the narrower one is named: a network only when more than one of its NICs fails.
 * @param isWrong which results are looked for: not as expected, if nothing else is said
 */
export function findCommon(
  results: readonly Result[],
  isWrong: (result: Result) => boolean = ({ outcome }) => outcome === 'differs' || outcome === 'failed',
): readonly Common[] {
  const named = results.flatMap((result) => namesOf(result.cell).map((each) => ({ ...each, result })));
  const groups = [...Map.groupBy(named, ({ name }) => name)].map(
    ([name, list]): Group => ({
      name,
      level: list[0]?.level ?? 0,
      members: list.map(({ result }) => result),
    }),
  );
  const left = new Set(results.filter(isWrong));
  const found: Common[] = [];
  while (left.size > 0) {
    const { name, members } = worst(groups, left);
    const explained = members.filter((one) => left.has(one));
    found.push({ name, wrong: explained.length, all: members.length, seen: countSeen(explained) });
    for (const one of explained) {
      left.delete(one);
    }
  }
  return found;
}

/** `69 of 72 cells of vm ns/x:default IPv6: 40 no answer, 29 the source reached nobody` */
export function commonLine({ name, wrong, all, seen }: Common): string {
  const most = seen.slice(0, 3).map(({ what, cells }) => `${cells} ${what}`);
  const rest = seen.length > most.length ? ', …' : '';
  return `${wrong} of ${all} cells of ${name}: ${most.join(', ')}${rest}`;
}

/** The group to name next: of those that mostly fail the one with most cells, else the NIC with most of what is left. */
function worst(groups: readonly Group[], left: ReadonlySet<Result>): Group {
  const counted = groups
    .map((group) => ({ group, count: group.members.filter((one) => left.has(one)).length }))
    .filter(({ count }) => count > 0);
  const causes = counted.filter(({ group, count }) => count >= enough * group.members.length);
  const candidates = causes.length > 0 ? causes : counted.filter(({ group }) => group.level === 0);
  const [first] = candidates.toSorted((a, b) => b.count - a.count || a.group.level - b.group.level);
  return first?.group ?? { name: 'the run', level: 0, members: [...left] };
}

/** Groups that a cell is in, by level. */
function namesOf({ from, to, family, protocol }: Cell): readonly Pick<Group, 'name' | 'level'>[] {
  const ends = from === to ? [from] : [from, to];
  const labels = ends.map(({ segment }) => `network ${segment.label}`);
  const levels = [
    ends.map((nic) => `${nicName(nic)} IPv${family}`),
    ends.map((nic) => nicName(nic)),
    ends.map(({ host }) => `${host.kind} ${host.namespace}/${host.name}`),
    // Its listener, or its counters.
    [`${protocol} to ${to.host.kind} ${to.host.namespace}/${to.host.name}`],
    labels.map((label) => `${label} IPv${family}`),
    labels,
    from.host.node === to.host.node ? [] : [`${from.host.node} to ${to.host.node}`],
  ];
  return levels.flatMap((names, level) => [...new Set(names)].map((name) => ({ name, level })));
}

function countSeen(results: readonly Result[]): Common['seen'] {
  const kinds = Map.groupBy(results, ({ seen }) => seen.replaceAll(/\d+(\.\d+)?/g, 'N').slice(0, 100));
  return [...kinds]
    .map(([what, list]) => ({ what, cells: list.length }))
    .toSorted((a, b) => b.cells - a.cells);
}
