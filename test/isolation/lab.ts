/** Pods and machines on every kind of network, what they send byte by byte, and where that is seen. */
import { spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pod as podKind } from '#api/core/pod.ts';
import { hostLinkName } from '#node-state/mac.ts';
import type { Cluster } from '../e2e/cluster.ts';
import { execute } from '../e2e/cluster.ts';
import { instance } from '../e2e/patchbay.ts';
import type { Identity } from './spoofing.ts';

/** A pod's end of a network. */
export interface Nic {
  readonly pod: string;
  readonly netns: string;
  readonly node: string;
  readonly link: string;
  /** The node's end. */
  readonly host: string;
  readonly hostMac: string;
  readonly who: Identity;
}

/** Marked frames that were seen somewhere. */
export interface Sighting {
  readonly node: string;
  /** `out`: handed to what is behind the link; `in`: came from there. */
  readonly way: 'in' | 'out';
  readonly link: string;
  /** Outermost VLAN; 0 without a tag. */
  readonly vlan: number;
  readonly name: string;
  readonly count: number;
  /** The first of them, in hex. */
  readonly sample: string;
}

/** A pod that waits on the given networks: `<nad>` -> name of its end. */
export function podManifest(
  namespace: string,
  name: string,
  node: string,
  networks: Readonly<Record<string, string>>,
): string {
  const selections = Object.entries(networks).map(([nad, end]) => ({ name: nad, interface: end }));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      labels: { isolation: '' },
      annotations: { 'k8s.v1.cni.cncf.io/networks': JSON.stringify(selections) },
    },
    spec: {
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [{ name: 'main', image: 'localhost/none' }],
    },
  });
}

/** A definition of an OVN network named as its definition. */
export function ovnNad(namespace: string, name: string, config: Readonly<Record<string, unknown>>): string {
  const fixed = { cniVersion: '0.3.1', name, type: 'ovn-k8s-cni-overlay' };
  const netAttachDefName = `${namespace}/${name}`;
  return JSON.stringify({
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    metadata: { namespace, name },
    spec: { config: JSON.stringify({ ...fixed, netAttachDefName, ...config }) },
  });
}

/** The ends of a pod, once it is connected, by name; `own` are addresses of networks that give none. */
export async function nicsOf(
  cluster: Cluster,
  namespace: string,
  name: string,
  own: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, Nic>> {
  const { metadata, spec } = await cluster.client.get(podKind, { namespace, name });
  const [uid, node] = [metadata.uid ?? '', spec.nodeName ?? ''];
  const netns = `${instance}.${node}.${uid}`;
  for (const [link, address] of Object.entries(own)) {
    await inNetns(netns, ['ip', 'addr', 'replace', address, 'dev', link]);
  }
  const hosts = JSON.parse(await inNetns(`${instance}.${node}`, ['ip', '-j', 'link'])) as readonly {
    readonly ifname: string;
    readonly address: string;
  }[];
  const links = JSON.parse(await inNetns(netns, ['ip', '-j', 'addr'])) as readonly {
    readonly ifname: string;
    readonly address: string;
    readonly addr_info: readonly {
      readonly family: string;
      readonly scope: string;
      readonly local: string;
    }[];
  }[];
  return new Map(
    links.map(({ ifname, address, addr_info }) => {
      const global = (family: string): string | undefined =>
        addr_info.find((one) => one.family === family && one.scope === 'global')?.local;
      const [v4, v6] = [global('inet'), global('inet6')];
      const who = { mac: address, ip4: v4 ?? '0.0.0.0', ...(v6 !== undefined && { ip6: v6 }) };
      const host = hostLinkName(uid, ifname);
      const hostMac = hosts.find((one) => one.ifname === host)?.address ?? '';
      return [
        ifname,
        { pod: `${namespace}/${name}`, netns, node, link: ifname, host, hostMac, who },
      ] as const;
    }),
  );
}

/** Runs a command in a network namespace; it must succeed. */
export async function inNetns(netns: string, argv: readonly string[], input?: string): Promise<string> {
  const { status, stdout, stderr } = await execute(
    ['nsenter', `--net=/run/netns/${netns}`, '--', ...argv],
    input,
  );
  if (status !== 0) {
    throw new Error(`${argv.join(' ')} in ${netns}: ${stderr}${stdout}`);
  }
  return stdout;
}

/** Where frames are sent from. */
export type Sender =
  | { readonly netns: string; readonly link: string }
  | { readonly netns: string; readonly tap: string; readonly pid: number };

/** Something that sends. */
export interface OpenSender {
  /** Resolves when the last frame is out. */
  send(frames: readonly Uint8Array[]): Promise<void>;
  close(): Promise<void>;
}

/** Starts what sends frames. */
export function openSender(from: Sender): OpenSender {
  const place = 'link' in from ? ['link', from.link] : ['tap', from.tap, String(from.pid)];
  const script = path.join(import.meta.dirname, 'send.py');
  const argv = [`--net=/run/netns/${from.netns}`, '--', 'python3', script, ...place];
  const child = spawn('nsenter', argv, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`send.py ${place.join(' ')} in ${from.netns} ended early`);
    return value;
  };
  // What it says of its end is on standard error.
  child.stdin.on('error', () => undefined);
  let count = 0;
  return {
    send: async (frames) => {
      count += frames.length;
      const hex = frames.map((frame) => `${Buffer.from(frame).toString('hex')}\n`);
      child.stdin.write(`${hex.join('')}wait\n`);
      await next();
    },
    close: async () => {
      child.stdin.end();
      const sent = await next();
      if (Number(sent) !== count) throw new Error(`${sent} of ${count} frames were sent`);
    },
  };
}

/** What is seen while something happens. */
export interface Watch {
  /** How many frames with mark `end` have gone out by a link. */
  ends(link: string): number;
  /** Resolves when more of them have than `known`, or after some milliseconds: whether they have. */
  more(link: string, known: number, patienceMs: number): Promise<boolean>;
}

/** Watches all links of the nodes while something happens. */
export async function watchWhile(
  nodes: readonly string[],
  action: (watch: Watch) => Promise<void>,
): Promise<readonly Sighting[]> {
  const ended = new EventEmitter();
  const counts = new Map<string, number>();
  const count = (link: string): void => {
    counts.set(link, (counts.get(link) ?? 0) + 1);
    ended.emit(link);
  };
  const ends = (link: string): number => counts.get(link) ?? 0;
  const more = async (link: string, known: number, patienceMs: number): Promise<boolean> => {
    const signal = AbortSignal.timeout(patienceMs);
    while (ends(link) <= known && !signal.aborted) {
      await once(ended, link, { signal }).catch(() => undefined);
    }
    return ends(link) > known;
  };
  const watchers = await Promise.all(nodes.map((node) => startWatcher(node, count)));
  try {
    await action({ ends, more });
  } finally {
    for (const { stop } of watchers) stop();
  }
  return (await Promise.all(watchers.map(({ seen }) => seen))).flat();
}

async function startWatcher(
  node: string,
  onEnd: (link: string) => void,
): Promise<{ readonly stop: () => void; readonly seen: Promise<readonly Sighting[]> }> {
  const script = path.join(import.meta.dirname, 'watch.py');
  const netns = `--net=/run/netns/${instance}.${node}`;
  const child = spawn('nsenter', [netns, '--', 'python3', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = Promise.withResolvers<void>();
  const seen = Promise.withResolvers<readonly Sighting[]>();
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => {
    const [word, link = ''] = line.split(' ');
    if (word === 'ready') ready.resolve();
    else if (word === 'end') onEnd(link);
    else seen.resolve(new Promise((resolve) => resolve(parseReport(node, line))));
  });
  child.once('error', ready.reject);
  child.once('close', (code) => {
    ready.reject(new Error(`watch.py of ${node} ended with ${code}`));
    seen.reject(new Error(`watch.py of ${node} ended with ${code} and told nothing`));
  });
  // Asked for later: until then a failure is nobody's.
  seen.promise.catch(() => undefined);
  await ready.promise;
  return { stop: () => child.kill('SIGTERM'), seen: seen.promise };
}

function parseReport(node: string, text: string): readonly Sighting[] {
  const { counts, samples, lost } = JSON.parse(text) as {
    readonly counts: Readonly<Record<string, number>>;
    readonly samples: Readonly<Record<string, string>>;
    readonly lost: number;
  };
  if (lost > 0) {
    throw new Error(`the watcher of ${node} missed ${lost} frames: what it saw proves nothing`);
  }
  return Object.entries(counts).map(([key, count]) => {
    const [way, link = '', vlan, name = ''] = key.split(' ');
    return {
      node,
      way: way === 'out' ? 'out' : 'in',
      link,
      vlan: Number(vlan),
      name,
      count,
      sample: samples[key] ?? '',
    };
  });
}
