/** What `patchbay verify -o json` tells, as far as the matrix test reads it, and what it makes of that. */

export interface Cell {
  readonly from: string;
  readonly to: string;
  readonly network: { readonly from: string; readonly to: string };
  readonly nodes: 'same' | 'other';
  readonly family: 'IPv4' | 'IPv6';
  readonly protocol: string;
  readonly size: string;
  readonly expect: string;
  readonly outcome: string;
  readonly seen: string;
  readonly proof?: string;
}

export interface Report {
  readonly summary: Readonly<Record<string, number>>;
  readonly common: readonly {
    readonly name: string;
    readonly wrong: number;
    readonly all: number;
    readonly seen: readonly { readonly what: string; readonly cells: number }[];
  }[];
  readonly unsettled: readonly string[];
  readonly nics: readonly {
    readonly nic: string;
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
    readonly node: string;
    readonly device: string;
    readonly network: string;
    readonly networkKind: string;
    readonly addresses: readonly string[];
    readonly untested?: string;
  }[];
  readonly cells: readonly Cell[];
}

/** From whom one network can be tried from another, as its NICs are: `pod, same node, IPv4`. */
export function waysBetween({ nics }: Report, from: string, to: string): readonly string[] {
  const [sources, targets] = [from, to].map((network) =>
    nics.filter((nic) => nic.network === network && nic.networkKind !== 'locked'),
  );
  const ways = (sources ?? []).flatMap((source) =>
    (targets ?? []).flatMap((target) =>
      ['IPv4', 'IPv6'].flatMap((family) => {
        const has = ({ addresses }: { readonly addresses: readonly string[] }): boolean =>
          addresses.some((address) => address.includes(':') === (family === 'IPv6'));
        const nodes = source.node === target.node ? 'same' : 'other';
        return has(source) && has(target) ? [`${source.kind}, ${nodes} node, ${family}`] : [];
      }),
    ),
  );
  return [...new Set(ways)].toSorted();
}

/** What is not as expected, a few lines: by the NIC, host or network that it has in common. */
export function causesOf({ cells, common, unsettled }: Report): readonly string[] {
  const groups = common.map(
    ({ name, wrong, all, seen }) =>
      `${wrong} of ${all} cells of ${name}: ${seen.map(({ what, cells: count }) => `${count} ${what}`).join(', ')}`,
  );
  const skipped = cells.filter(({ outcome }) => outcome === 'skipped');
  const reasons = Map.groupBy(skipped, ({ from, family, seen }) => `${from} ${family} skipped: ${seen}`);
  return [
    ...unsettled.slice(0, 4).map((line) => `not ready: ${line}`),
    ...groups.slice(0, 6),
    ...[...reasons].slice(0, 4).map(([reason, list]) => `${list.length} cells of ${reason}`),
  ].map((line) => line.slice(0, 300));
}

/** Echo requests that a kernel answered. */
export function echoesIn(counters: string, family: 'IPv4' | 'IPv6'): number {
  if (family === 'IPv6') {
    return Number(/^Icmp6InEchos\s+(\d+)/m.exec(counters)?.[1]);
  }
  const [names, values] = [...counters.matchAll(/^Icmp: (.*)$/gm)].map(([, text]) => (text ?? '').split(' '));
  return Number(values?.[names?.indexOf('InEchos') ?? -1]);
}

export function kindOf(nic: string): string {
  return nic.split(' ')[0] ?? '';
}
