/** Measures probes from inside the guests. */
import { randomBytes } from 'node:crypto';
import type { VirtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { messageOf } from '#machinery/errors.ts';
import { type Probe, portsOf } from './connectivity.ts';
import type { RunInGuest } from './guest.ts';

/** What one check of a probe found. */
export interface Check {
  readonly passed: boolean;
  /** What was seen, short. */
  readonly seen: string;
}

/** A probe with what was found. */
export interface Measured {
  readonly from: string;
  readonly to: string;
  readonly network: string;
  readonly address: string;
  readonly port: number;
  readonly ping: Check;
  readonly tcp: Check;
  readonly mtu: Check;
}

const where = '/run/patchbay-quickstart';

/** Serves a word over HTTP on a port, once; a server of an earlier run keeps the port and serves the new word. */
// `timeout`, since Debian's static busybox crashes on `wget -T`.
const serveScript = `
mkdir -p ${where} && printf '%s' "$2" > ${where}/who || exit 1
timeout 1 wget -q -O /dev/null "http://127.0.0.1:$1/who" 2>/dev/null && exit 0
httpd -p "$1" -h ${where} >/dev/null 2>&1 </dev/null
i=0
while [ $i -lt 50 ]; do
  timeout 1 wget -q -O /dev/null "http://127.0.0.1:$1/who" 2>/dev/null && exit 0
  i=$((i+1)); usleep 20000
done
exit 1`;

/** Pings the guest's kernel answered so far. */
const echoesScript = `awk '/^Icmp:/ { if (n) { print $c; exit } n = 1; for (i = 1; i <= NF; i++) if ($i == "InEchos") c = i }' /proc/net/snmp`;

/**
 * All checks of one probe: \$1 address, \$2 interface, \$3 port. Prints one line for each. A packet of exactly the
 * interface's MTU is sent with DF by Linux (path MTU discovery), so it passes whole or not at all; that the source cut
 * nothing is read from FragCreates, and that one byte more would have been cut proves that it was the largest.
 */
const probeScript = `
frags() { awk '/^Ip:/ { if (n) { print $c; exit } n = 1; for (i = 1; i <= NF; i++) if ($i == "FragCreates") c = i }' /proc/net/snmp; }
rtt=$(ping -c 1 -W 3 "$1" 2>&1 | sed -n 's|^r[a-z-]* min.* = \\([0-9.]*\\)/.*|\\1|p')
echo "ping $rtt"
echo "tcp $(timeout 3 wget -q -O - "http://$1:$3/who" 2>&1 | head -c 200 | head -n 1)"
mtu=$(cat "/sys/class/net/$2/mtu")
before=$(frags)
ping -c 1 -W 3 -s $((mtu - 28)) "$1" >/dev/null 2>&1; whole=$?
between=$(frags)
ping -c 1 -W 1 -s $((mtu - 27)) "$1" >/dev/null 2>&1
echo "mtu $mtu $whole $((between - before)) $(($(frags) - between))"`;

/**
 * Runs every probe, one after the other: the counters of the guests' kernels tell who answered and who cut packets, and
 * count for all of them together.
 */
export async function measureAll(
  probes: readonly Probe[],
  run: RunInGuest,
  onMeasured: (measured: Measured, done: number) => void,
): Promise<readonly Measured[]> {
  const word = randomBytes(4).toString('hex');
  const targets = [...new Set(probes.map(({ to }) => to))];
  await Promise.all(targets.map((target) => serve(target, portsOf(probes, target), word, run)));
  const results: Measured[] = [];
  for (const probe of probes) {
    const measured = await measure(probe, word, run);
    results.push(measured);
    onMeasured(measured, results.length);
  }
  return results;
}

async function serve(
  target: VirtualMachineInstance,
  ports: readonly number[],
  word: string,
  run: RunInGuest,
): Promise<void> {
  for (const port of ports) {
    await run(target, serveScript, String(port), greeting(target, word));
  }
}

function greeting({ metadata }: VirtualMachineInstance, word: string): string {
  return `${metadata.namespace ?? ''}/${metadata.name} ${word}`;
}

async function measure(probe: Probe, word: string, run: RunInGuest): Promise<Measured> {
  const { from, to, network, address, port } = probe;
  const names = { from: from.metadata.name, to: to.metadata.name, network, address, port };
  try {
    const before = await echoesOf(to, run);
    const { stdout } = await run(from, probeScript, address, probe.fromInterface, String(port));
    const after = await echoesOf(to, run);
    return { ...names, ...judge(stdout, { greeting: greeting(to, word), guestAnswered: after > before }) };
  } catch (error) {
    const failed = { passed: false, seen: messageOf(error) };
    return { ...names, ping: failed, tcp: failed, mtu: failed };
  }
}

async function echoesOf(vmi: VirtualMachineInstance, run: RunInGuest): Promise<number> {
  return Number((await run(vmi, echoesScript)).stdout.trim());
}

/** Reads what `probeScript` printed. Pure. */
export function judge(
  stdout: string,
  expected: { readonly greeting: string; readonly guestAnswered: boolean },
): Pick<Measured, 'ping' | 'tcp' | 'mtu'> {
  const line = (word: string) =>
    stdout
      .split('\n')
      .find((one) => one.startsWith(`${word} `))
      ?.slice(word.length + 1)
      .trim() ?? '';
  const rtt = line('ping');
  const tcp = line('tcp');
  const answerer = expected.guestAnswered ? 'guest' : 'pod';
  return {
    ping:
      rtt === '' || !Number.isFinite(Number(rtt))
        ? { passed: false, seen: 'no answer' }
        : { passed: true, seen: `${Number(rtt).toFixed(1)} ms (${answerer})` },
    tcp:
      tcp === expected.greeting
        ? { passed: true, seen: 'ok (guest)' }
        : { passed: false, seen: tcp === '' ? 'no answer' : `answered ${JSON.stringify(tcp.slice(0, 60))}` },
    mtu: judgeMtu(line('mtu')),
  };
}

function judgeMtu(line: string): Check {
  if (!/^\d+ \d+ \d+ \d+$/.test(line)) {
    return { passed: false, seen: 'not measured' };
  }
  const [mtu = 0, status, cut, cutOneMore] = line.split(' ').map(Number);
  if (status !== 0) {
    return { passed: false, seen: `${mtu} B: no answer` };
  }
  if (cut !== 0) {
    return { passed: false, seen: `${mtu} B: sent in pieces` };
  }
  return (cutOneMore ?? 0) > 0
    ? { passed: true, seen: `${mtu} B whole` }
    : { passed: false, seen: `${mtu} B is not the limit: ${mtu + 1} B went out whole too` };
}
