/** Pods and machines on every kind of network, what they send byte by byte, and where that is seen. */
import { spawn } from 'node:child_process';
import path from 'node:path';
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

/** Sends frames; resolves when the last one is out. */
export async function send(from: Sender, frames: readonly Uint8Array[]): Promise<void> {
  const place = 'link' in from ? ['link', from.link] : ['tap', from.tap, String(from.pid)];
  const input = `${frames.map((frame) => Buffer.from(frame).toString('hex')).join('\n')}\n`;
  const script = path.join(import.meta.dirname, 'send.py');
  const sent = await inNetns(from.netns, ['python3', script, ...place], input);
  if (Number(sent) !== frames.length) {
    throw new Error(`${sent.trim()} of ${frames.length} frames were sent`);
  }
}

/**
 * Watches all links of the nodes while something happens; `ended` tells whether a frame with mark `end` has gone out by a link.
 */
export async function watchWhile(
  nodes: readonly string[],
  action: (ended: (link: string) => boolean) => Promise<void>,
): Promise<readonly Sighting[]> {
  const watchers = await Promise.all(nodes.map(startWatcher));
  try {
    await action((link) => watchers.some(({ text }) => text().includes(`end ${link}\n`)));
  } finally {
    for (const { stop } of watchers) stop();
  }
  return (await Promise.all(watchers.map(({ seen }) => seen))).flat();
}

async function startWatcher(node: string): Promise<{
  readonly stop: () => void;
  readonly text: () => string;
  readonly seen: Promise<readonly Sighting[]>;
}> {
  const script = path.join(import.meta.dirname, 'watch.py');
  const netns = `--net=/run/netns/${instance}.${node}`;
  const child = spawn('nsenter', [netns, '--', 'python3', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`watch.py of ${node} ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      resolve();
    });
  });
  const seen = new Promise<readonly Sighting[]>((resolve, reject) => {
    child.once('close', () => {
      try {
        resolve(parseReport(node, text.trimEnd().split('\n').at(-1) ?? ''));
      } catch (error) {
        reject(error);
      }
    });
  });
  return { stop: () => child.kill('SIGTERM'), text: () => text, seen };
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
