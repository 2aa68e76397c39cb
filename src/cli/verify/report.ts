/** The matrix, for people and for scripts. */
import { commonLine, findCommon } from '#verify/common.ts';
import type { Result } from '#verify/judge.ts';
import { type Nic, nicName } from '#verify/nics.ts';
import { exitCodes } from '../exit-codes.ts';
import { printTable, type Cell as TableCell } from '../output.ts';

/** What a run found. */
export interface Matrix {
  readonly nics: readonly Nic[];
  /** NICs that reached nobody before it began, and why. */
  readonly unsettled: readonly string[];
  readonly results: readonly Result[];
}

/** Groups of cells that are named to people. */
const mostCommon = 10;
const outcomes = ['ok', 'differs', 'skipped', 'failed'] as const;

/** 1 when a cell differs, else 2 when a probe did not run or nothing was tested, else 0. */
export function exitCodeOf({ results }: Matrix): number {
  const { ok, differs, failed } = countOutcomes(results);
  if (differs > 0) {
    return exitCodes.failure;
  }
  return failed > 0 || ok === 0 ? exitCodes.notRun : exitCodes.ok;
}

function countOutcomes(results: readonly Result[]): Readonly<Record<Result['outcome'], number>> {
  const count = (wanted: Result['outcome']): number =>
    results.filter(({ outcome }) => outcome === wanted).length;
  return { ok: count('ok'), differs: count('differs'), skipped: count('skipped'), failed: count('failed') };
}

/** The document of `-o json`. */
export function composeReport({ nics, unsettled, results }: Matrix): object {
  return {
    summary: { ...countOutcomes(results), untestedNics: untestedOf(nics).length },
    common: findCommon(results),
    unsettled,
    nics: nics.map((nic) => ({
      nic: nicName(nic),
      kind: nic.host.kind,
      namespace: nic.host.namespace,
      name: nic.host.name,
      node: nic.host.node,
      interface: nic.name,
      device: nic.device,
      network: nic.segment.label,
      networkKind: nic.segment.kind,
      addresses: Object.values(nic.addresses),
      mtu: nic.mtu,
      ...(nic.untested !== undefined && { untested: nic.untested }),
    })),
    cells: results.map(({ cell, outcome, seen, proof }) => ({
      from: nicName(cell.from),
      to: nicName(cell.to),
      network: { from: cell.from.segment.label, to: cell.to.segment.label },
      nodes: cell.from.host.node === cell.to.host.node ? 'same' : 'other',
      family: cell.family === 4 ? 'IPv4' : 'IPv6',
      protocol: cell.protocol,
      size: cell.size,
      ...(cell.packet > 0 && { packetBytes: cell.packet }),
      address: cell.address,
      ...(cell.port > 0 && { port: cell.port }),
      expect: cell.expect,
      why: cell.why,
      outcome,
      seen,
      ...(proof !== undefined && { proof }),
    })),
  };
}

/** Prints a line for each pair of NICs, what differs cell by cell, what could not be tested, and the sums. */
export function printMatrix({ nics, unsettled, results }: Matrix): void {
  const pairs = Map.groupBy(
    results,
    ({ cell }) => `${nicName(cell.from)} ${nicName(cell.to)} ${cell.expect}`,
  );
  printTable(
    ['FROM', 'TO', 'NETWORK', 'EXPECT', 'IPV4', 'IPV6', 'WHY'],
    [...pairs.values()].map((pair) => pairRow(pair)),
  );
  const wrong = results.filter(({ outcome }) => outcome === 'differs' || outcome === 'failed');
  section('not as expected', wrong.map(wrongLine));
  section('what these have in common', findCommon(results).slice(0, mostCommon).map(commonLine));
  section('reached nobody before the measurement began', unsettled);
  section('not tested', [
    ...untestedOf(nics).map((nic) => `${nicName(nic)} on ${nic.segment.label}: ${nic.untested}`),
    ...skippedLines(results),
  ]);
  const sums = countOutcomes(results);
  process.stdout.write(
    `\n${outcomes.map((one) => `${sums[one]} ${one}`).join(', ')}, ${untestedOf(nics).length} NICs not tested\n`,
  );
}

function pairRow(pair: readonly Result[]): readonly (string | TableCell)[] {
  const cell = pair[0]?.cell;
  if (cell === undefined) {
    return [];
  }
  const { from, to, expect, why } = cell;
  const network =
    from.segment.label === to.segment.label
      ? to.segment.label
      : `${from.segment.label} > ${to.segment.label}`;
  return [nicName(from), nicName(to), network, expect, familyCell(pair, 4), familyCell(pair, 6), why];
}

/** `icmp icmp-mtu tcp tcp-mtu udp` of those as expected, or what is not. */
function familyCell(pair: readonly Result[], family: 4 | 6): TableCell {
  const own = pair.filter(({ cell }) => cell.family === family);
  const named = (wanted: readonly Result['outcome'][]): string =>
    own
      .filter(({ outcome }) => wanted.includes(outcome))
      .map(({ cell: { protocol, size } }) => (size === 'mtu' ? `${protocol}-mtu` : protocol))
      .join(' ');
  const wrong = named(['differs', 'failed']);
  if (wrong !== '') {
    return { text: `FAILED ${wrong}`, style: 'red' };
  }
  const ok = named(['ok']);
  const skipped = named(['skipped']);
  return { text: [ok, skipped === '' ? '' : `(${skipped})`].join(' ').trim() || '-', style: 'green' };
}

function wrongLine({ cell, outcome, seen }: Result): string {
  const { from, to, family, protocol, size, address, port, expect, why } = cell;
  const where = port > 0 ? `${address} port ${port}` : address;
  const kind = size === 'mtu' ? `${protocol}-mtu` : protocol;
  const verdict = outcome === 'failed' ? `could not be probed: ${seen}` : seen;
  return `${nicName(from)} -> ${nicName(to)} (${where}) ${kind} IPv${family}: expected ${expect} (${why}), ${verdict}`;
}

/** Reasons with the number of cells. */
function skippedLines(results: readonly Result[]): readonly string[] {
  const skipped = results.filter(({ outcome }) => outcome === 'skipped');
  return [...Map.groupBy(skipped, ({ seen }) => seen)].map(([why, list]) => `${list.length} cells: ${why}`);
}

function untestedOf(nics: readonly Nic[]): readonly Nic[] {
  return nics.filter(({ untested }) => untested !== undefined);
}

function section(title: string, lines: readonly string[]): void {
  if (lines.length > 0) {
    const plain = lines.map((line) => `  ${line.replaceAll(/\p{Cc}+/gu, ' ')}\n`).join('');
    process.stdout.write(`\n${title}\n${plain}`);
  }
}
