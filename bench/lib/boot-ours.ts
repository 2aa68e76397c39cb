/** Boots the guest through the API and takes the times of every stage. */
import { existsSync, readFileSync } from 'node:fs';
import type { Event } from '#api/core/event.ts';
import { pod } from '#api/core/pod.ts';
import { virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import type { ApiLog, Write } from './api-log.ts';
import type { ExecWatch } from './exec-watch.ts';
import { virtualMachineNamed } from './guest.ts';
import { firstAnswer } from './pinger.ts';
import { now, type Session, until } from './session.ts';

/** Times of one boot, in milliseconds after the create request was sent. */
export interface Boot {
  /** The create request was answered. */
  readonly accepted: number;
  /** QEMU was executed. */
  readonly executed: number;
  /** QEMU answered over QMP; what comes after it, such as a network that is not ready yet, is ours. */
  readonly ready: number;
  /** A watch told phase Running. */
  readonly seen: number;
  /** The guest answered a ping. */
  readonly answered: number;
  /** Writes of the VM's objects until then (the user's own create not counted), by kind. */
  readonly writes: Readonly<Record<string, number>>;
  /** What happened when, for reading. */
  readonly story: readonly string[];
}

/** What a boot is done with. */
export interface OursParts {
  readonly session: Session;
  readonly client: ApiClient;
  readonly log: ApiLog;
  readonly execs: ExecWatch;
  /** `bench.node1` */
  readonly nodeNetns: string;
  readonly agentLog: string;
}

/** One boot; the VM and its sandbox are gone afterwards. */
export async function bootOurs(parts: OursParts, name: string): Promise<Boot> {
  const { session, client, log, execs } = parts;
  const start = log.writes.length;
  const sent = now();
  try {
    await client.create(virtualMachine, virtualMachineNamed(name));
    const accepted = now();
    const running = await log.first(start, (write) => isRunning(write, name), session.signal);
    const netns = `${parts.nodeNetns}.${podUid(log.writes.slice(start), name)}`;
    const answered = await firstAnswer(netns, session.signal);
    const writes = log.writes.slice(start).filter((write) => belongsTo(write, name));
    const relevant = writes.filter(({ at }) => at <= running.at).slice(1);
    return {
      accepted: accepted - sent,
      executed: (execs.firstSince(sent) ?? Number.NaN) - sent,
      ready: loggedAnswer(parts.agentLog, name) - sent,
      seen: running.at - sent,
      answered: answered - sent,
      writes: countBy(relevant),
      story: writes.map((write) => `${(write.at - sent).toFixed(1)} ms ${describe(write)}`),
    };
  } finally {
    await remove(parts, name);
  }
}

async function remove({ client, nodeNetns, session }: OursParts, name: string): Promise<void> {
  // Also after Ctrl-C: waiting has its own time limit.
  const signal = new AbortController().signal;
  const before = await client.list(pod, { namespace: 'default' });
  await client.delete(virtualMachine, { name, namespace: 'default' });
  await until(`end of ${name}`, signal, async () => {
    const left = await Promise.all([
      client.list(virtualMachineInstance, { namespace: 'default' }),
      client.list(pod, { namespace: 'default' }),
    ]);
    return left.every(({ items }) => items.length === 0);
  });
  await until(`end of the sandbox of ${name}`, signal, () =>
    before.items.every(({ metadata }) => !existsSync(`/run/netns/${nodeNetns}.${metadata.uid}`)),
  );
  session.signal.throwIfAborted();
}

function isRunning({ kind, object }: Write, name: string): boolean {
  return (
    kind === 'VirtualMachineInstance' &&
    object.metadata.name === name &&
    (object as VirtualMachineInstance).status?.phase === 'Running'
  );
}

/** The VM, its instance, its launcher pod, and events about them. */
function belongsTo({ kind, object }: Write, name: string): boolean {
  if (kind === 'Event') {
    const about = (object as Event).involvedObject.name ?? '';
    return about === name || about.startsWith(`virt-launcher-${name}-`);
  }
  return object.metadata.name === name || isLauncher(object.metadata.name, name);
}

function isLauncher(podName: string, name: string): boolean {
  return podName.startsWith(`virt-launcher-${name}-`);
}

function podUid(writes: readonly Write[], name: string): string {
  const found = writes.find(({ kind, object }) => kind === 'Pod' && isLauncher(object.metadata.name, name));
  return found?.object.metadata.uid ?? '';
}

function countBy(writes: readonly Write[]): Readonly<Record<string, number>> {
  const groups = Map.groupBy(writes, ({ kind }) => kind);
  return Object.fromEntries([...groups].map(([kind, list]) => [kind, list.length]));
}

function describe({ kind, type, object }: Write): string {
  const { phase } = (object as { readonly status?: { readonly phase?: string } }).status ?? {};
  const detail = kind === 'Event' ? (object as Event).reason : phase;
  return `${kind} ${type}${detail === undefined ? '' : ` (${detail})`}`;
}

/** The agent logs each QEMU that answers; its log's clock is the machine's, in whole milliseconds (rounded down). */
function loggedAnswer(agentLog: string, name: string): number {
  const line = readFileSync(agentLog, 'utf8')
    .split('\n')
    .findLast((text) => text.includes(`default_${name}: QEMU answers`));
  return line === undefined ? Number.NaN : (JSON.parse(line) as { readonly time: number }).time;
}
