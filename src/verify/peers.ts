/** Whom a NIC is tried against: everybody, or a spread of them where there are many. Pure. */

import { overlap } from '#api/ip-range.ts';
import type { Nic } from './nics.ts';
import { type Relation, relate } from './segment.ts';

/** NICs of other hosts that it must reach: at most `most`, of both kinds, on its node and on others. */
export function chooseReachable(from: Nic, all: readonly Nic[], most: number): readonly Nic[] {
  const others = all.filter((to) => !isSameHost(from, to) && relationOf(from, to) === 'reach');
  return spread(from, others, most, all.indexOf(from));
}

/**
 * NICs that it must not reach, at most `most`: of each network one on its node and one elsewhere, networks first whose
 * subnets are equal to its own; if there are others, none whose address its host has itself, which would answer. None of
 * hosts that it meets on its own network: a host answers at each of its addresses on each of its cards.
 */
export function chooseUnreachable(
  from: Nic,
  tested: readonly Nic[],
  all: readonly Nic[],
  most: number,
): readonly Nic[] {
  const met = new Set(
    all.filter((to) => ['reach', 'unknown'].includes(relationOf(from, to))).map(({ host }) => hostKey(host)),
  );
  const others = tested.filter(
    (to) => !isSameHost(from, to) && !met.has(hostKey(to.host)) && relationOf(from, to) === 'no-reach',
  );
  const own = all.filter((nic) => isSameHost(nic, from));
  const at = tested.indexOf(from);
  const networks = [...Map.groupBy(others, ({ segment }) => `${segment.kind} ${segment.key}`).values()];
  const rotated = networks.map((_, index) => networks[(index + at) % networks.length] ?? []);
  const ranked = rotated.toSorted((a, b) => Number(hasTwin(from, b)) - Number(hasTwin(from, a)));
  return ranked
    .flatMap((nics) => {
      const here = nics.filter(({ host }) => host.node === from.host.node);
      const there = nics.filter(({ host }) => host.node !== from.host.node);
      return [here, there].flatMap((list) => {
        const others = list.filter((to) => !hasAddressOf(own, to));
        const usable = others.length > 0 ? others : list;
        return usable[at % usable.length] ?? [];
      });
    })
    .slice(0, most);
}

/** Takes turns among the four kinds of others, each from a place of the source's own. */
function spread(from: Nic, others: readonly Nic[], most: number, at: number): readonly Nic[] {
  if (others.length <= most) {
    return others;
  }
  const groups = [
    ...Map.groupBy(others, ({ host }) => `${host.kind} ${host.node === from.host.node}`).values(),
  ].map((group) => group.map((_, index) => group[(index + at) % group.length]));
  const turns = Math.max(...groups.map(({ length }) => length));
  return Array.from({ length: turns }, (_, turn) => groups.flatMap((group) => group[turn] ?? []))
    .flat()
    .slice(0, most);
}

function hasAddressOf(nics: readonly Nic[], { addresses }: Nic): boolean {
  return nics.some((nic) =>
    ([4, 6] as const).some((family) => {
      const address = addresses[family];
      return address !== undefined && nic.addresses[family] === address;
    }),
  );
}

function hasTwin(nic: Nic, network: readonly Nic[]): boolean {
  return nic.segment.subnets.some((one) => network[0]?.segment.subnets.some((other) => overlap(one, other)));
}

function relationOf(a: Nic, b: Nic): Relation {
  return relate({ segment: a.segment, node: a.host.node }, { segment: b.segment, node: b.host.node })
    .relation;
}

function isSameHost(a: Nic, b: Nic): boolean {
  return hostKey(a.host) === hostKey(b.host);
}

/** Tells hosts apart. */
export function hostKey({ kind, namespace, name }: Nic['host']): string {
  return `${kind} ${namespace}/${name}`;
}
