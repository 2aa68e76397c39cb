/** The networks' data path over the same path laid by hand, and how fast API objects become ports. See README.md. */
import { calibrate, calibrationLine } from './lib/calibrate.ts';
import { type AddOne, type Burst, measureAddOne, measureBurst, measureUp } from './lib/network-control.ts';
import { measurePaths, type PathResult } from './lib/network-paths.ts';
import { runBench } from './lib/session.ts';
import type { Ratio, Summary } from './lib/stats.ts';
import { summaryLine } from './lib/stats.ts';

const goals = { throughput: 0.97, portsPerSecond: 1500, rowsPerPod: 2, slope: 2 };
const networkCounts = [10, 100, 1000, 2000];
/** What `BENCH_PARTS` may name; all of it by default. */
const parts = (process.env['BENCH_PARTS'] ?? 'paths,burst,up,add').split(',');

await runBench(5, async (session) => {
  const calibration = await calibrate();
  session.say(calibrationLine(calibration));
  const { rounds } = session.options;
  const has = (part: string): boolean => parts.includes(part);
  const paths = has('paths') ? await measurePaths(session, rounds) : [];
  const burst = has('burst') ? await measureBurst(session, Math.min(rounds, 3)) : undefined;
  const up = has('up') ? await measureUp(session, 100) : undefined;
  const addOne = has('add') ? await measureAddOne(session, networkCounts, rounds) : [];
  return {
    result: { calibration, goals, paths, burst, up, addOne },
    lines: [
      calibrationLine(calibration),
      ...paths.map(pathLine),
      ...(burst === undefined ? [] : burstLines(burst)),
      ...(up === undefined ? [] : [upLine(up)]),
      ...(addOne.length === 0 ? [] : addOneLines(addOne)),
    ],
  };
});

function verdict(isMet: boolean): string {
  return isMet ? 'goal met' : 'goal missed';
}

function noise({ drift }: Ratio): string {
  return drift > 0.1 ? `; NOISY: the halves of "by hand" differ by ${Math.round(drift * 100)} %` : '';
}

function pathLine({ path, throughput, latency }: PathResult): string {
  const gigabits = (bits: number): string => (bits / 1e9).toFixed(2);
  return (
    `${path}: throughput ratio ${throughput.ratio} (ours ${gigabits(throughput.ours)} Gbit/s, by hand ` +
    `${gigabits(throughput.byHand)}; goal ${goals.throughput}, ${verdict(throughput.ratio >= goals.throughput)}` +
    `${noise(throughput)}), round trip ratio ${latency.ratio} (ours ${Math.round(latency.ours)} µs, by hand ` +
    `${Math.round(latency.byHand)}${noise(latency)})`
  );
}

function burstLines(burst: Burst): string[] {
  const { pods, ours, byHand, ratio, oursNorthbound, transactions, rowsPerPod } = burst;
  return [
    `burst of ${pods}: ${ours} ports/s into the southbound database (goal ${goals.portsPerSecond}, ` +
      `${verdict(ours >= goals.portsPerSecond)}); northbound alone ${oursNorthbound}; by hand, one ovn-nbctl, ${byHand}: ratio ${ratio}`,
    `  ${transactions} transactions, ${rowsPerPod} northbound rows per pod ` +
      `(goal ${goals.rowsPerPod}, ${verdict(rowsPerPod <= goals.rowsPerPod)})`,
  ];
}

function upLine(up: Summary): string {
  return `pod created -> port up: ${summaryLine(up)}`;
}

function addOneLines(found: readonly AddOne[]): string[] {
  const [first, last] = [found[0], found.at(-1)];
  const slope = (of: (one: AddOne) => number): number =>
    first === undefined || last === undefined ? Number.NaN : Math.round((100 * of(last)) / of(first)) / 100;
  const ours = slope(({ northbound }) => northbound);
  const all = slope(({ southbound }) => southbound);
  return [
    ...found.map(
      ({ networks, northbound, southbound }) =>
        `add one at ${networks} networks: ${northbound} ms northbound (ours), ${southbound} ms southbound (with northd)`,
    ),
    `  slope from ${first?.networks} to ${last?.networks}: ours ${ours}, with northd ${all} ` +
      `(goal ${goals.slope}: ours ${verdict(ours <= goals.slope)}, with northd ${verdict(all <= goals.slope)})`,
  ];
}
