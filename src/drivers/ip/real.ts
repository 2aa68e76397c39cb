/** The kernel's links, addresses and routes through iproute2. */
import { spawn } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { commandEnv, netnsDir, run } from '#drivers/command.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { type Netns, NODE, type Operation, type Outcome } from '#node-state/resource.ts';
import { batchOnce, type LineErrors, ResidentBatch } from './batch.ts';
import type { IpDriver, IpResource, RouteView } from './driver.ts';
import { type LineContext, stepsOf } from './lines.ts';
import { isHostEnd, type PortVlans, resourcesOf } from './observe.ts';
import { type Step, stages } from './port-lines.ts';
import {
  type IpLink,
  type IpNeighbour,
  type IpRoute,
  interfaceView,
  parseArrays,
  routeView,
} from './view.ts';

/** How the driver knows what is ours and what the kernel can. */
export interface IpDriverOptions {
  /**
   * The part of our sandboxes' names before the last dot (`patchbay.node1`): aliases of our links are
   * `patchbay:<tag>` in the node's namespace and `patchbay:<tag>.<pod uid>` on the ends of pairs.
   */
  readonly tag: string;
  /** Kind that stands for `dummy`; default: found out with the first one. */
  readonly dummyKind?: 'dummy' | 'ifb';
}

interface Numbered {
  readonly index: number;
  readonly step: Step;
}

/** Makes the driver; `close` ends its resident helper. */
export function createIpDriver(options: IpDriverOptions): IpDriver {
  const resident = new ResidentBatch();
  const context = { tag: options.tag, dummyKind: options.dummyKind ?? 'dummy' } as const;
  let probed = options.dummyKind === undefined ? undefined : Promise.resolve(options.dummyKind);
  const lineContext = async (operations: readonly Operation<IpResource>[]): Promise<LineContext> => {
    if (!operations.some((operation) => operation.op !== 'delete' && isDummy(operation.to))) {
      return context;
    }
    probed ??= findDummyKind(resident);
    return { ...context, dummyKind: await probed };
  };
  return {
    kinds: ['netns', 'link', 'address', 'neighbour', 'route'],
    observe: (scope) => observe(scope, options.tag),
    apply: async (operations) => apply(operations, await lineContext(operations), resident),
    namespaces: listNamespaces,
    interfaces: async () => (await dumpLinks(NODE)).map(interfaceView),
    routes: nodeRoutes,
    watch,
    close: () => resident[Symbol.asyncDispose](),
  };
}

function isDummy(resource: IpResource): boolean {
  return resource.kind === 'link' && resource.device.type === 'dummy';
}

/** Tries `dummy` in the node's namespace under a name nobody has; never loads modules by name. */
async function findDummyKind(resident: ResidentBatch): Promise<'dummy' | 'ifb'> {
  const name = `pbx${process.pid}`;
  const [error] = await resident.execute([`link add name ${name} type dummy`, `link del dev ${name}`]);
  return error === undefined ? 'dummy' : 'ifb';
}

async function apply(
  operations: readonly Operation<IpResource>[],
  context: LineContext,
  resident: ResidentBatch,
): Promise<readonly Outcome<IpResource>[]> {
  const errors = new Map<number, Error>();
  const steps: Numbered[] = [];
  for (const [index, operation] of operations.entries()) {
    try {
      steps.push(...stepsOf(operation, context).map((step) => ({ index, step })));
    } catch (error) {
      errors.set(index, error instanceof Error ? error : new Error(String(error)));
    }
  }
  for (const stage of stages) {
    const due = steps.filter(
      ({ index, step }) => step.stage === stage && !(stage === 'mark' && errors.has(index)),
    );
    await runStage(due, resident, errors);
  }
  return operations.map((operation, index) => {
    const error = errors.get(index);
    return error === undefined ? { operation } : { operation, error };
  });
}

/** Steps of one tool and namespace are one batch; batches of different namespaces run side by side. */
async function runStage(
  steps: readonly Numbered[],
  resident: ResidentBatch,
  errors: Map<number, Error>,
): Promise<void> {
  const groups = Map.groupBy(
    steps,
    ({ step }) => `${step.tool} ${step.netns} ${step.tool === 'ethtool' ? step.line : ''}`,
  );
  const batches = [...groups.values()].map(async (group) => {
    const said = await runGroup(group, resident);
    for (const [position, { index, step }] of group.entries()) {
      const message = said[position];
      if (message !== undefined && step.tolerate?.test(message) !== true && !errors.has(index)) {
        errors.set(
          index,
          new PatchbayError('KernelRefused', `\`${step.tool} ${step.line}\`${whereOf(step)}: ${message}`),
        );
      }
    }
  });
  await Promise.all(batches);
}

async function runGroup(group: readonly Numbered[], resident: ResidentBatch): Promise<LineErrors> {
  const first = group[0];
  if (first === undefined) {
    return [];
  }
  const { tool, netns } = first.step;
  const lines = group.map(({ step }) => step.line);
  try {
    if (tool === 'ethtool') {
      const argv = ['ethtool', '-K', first.step.line, 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off'];
      await run(argv, { netns });
      return lines.map(() => undefined);
    }
    return await (tool === 'ip' && netns === NODE ? resident.execute(lines) : batchOnce(tool, netns, lines));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return lines.map(() => message);
  }
}

function whereOf(step: Step): string {
  return step.netns === NODE ? '' : ` in ${step.netns}`;
}

async function listNamespaces(prefix: string): Promise<readonly Netns[]> {
  const names = await readdir(netnsDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.filter((name) => name.startsWith(prefix)).sort();
}

async function observe(scope: Netns, tag: string): Promise<readonly IpResource[]> {
  if (scope !== NODE && !(await listNamespaces(scope)).includes(scope)) {
    return [];
  }
  const [links = [], routes = [], neighbours = []] = parseArrays(await readBatch(scope));
  const own = links.filter(isLink);
  const needsHost = scope !== NODE && own.some((link) => link.linkinfo?.info_kind === 'veth');
  const hostLinks = needsHost ? await dumpLinks(NODE) : [];
  const dump = {
    links: own,
    routes: routes as readonly IpRoute[],
    neighbours: neighbours as readonly IpNeighbour[],
    hostLinks,
    vlans: await dumpVlans(scope, [...own, ...hostLinks]),
    users: await readUsers(),
    rawNics: scope === NODE ? await rawNicsOf(own, tag) : new Set<string>(),
  };
  return resourcesOf(scope, dump, tag);
}

async function readUsers(): Promise<ReadonlyMap<string, number>> {
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  return new Map(lines.map(([name = '', , uid]) => [name, Number(uid)]));
}

async function readBatch(scope: Netns): Promise<string> {
  const lines = 'addr show\nroute show table all\nneigh show nud permanent\n';
  const netns = scope === NODE ? [] : ['-n', scope];
  return (await run(['ip', ...netns, '-j', '-d', '-batch', '-'], { input: lines })).stdout;
}

async function dumpLinks(scope: Netns): Promise<readonly IpLink[]> {
  const netns = scope === NODE ? [] : ['-n', scope];
  const { stdout } = await run(['ip', ...netns, '-j', '-d', 'addr', 'show']);
  return (parseArrays(stdout)[0] ?? []).filter(isLink);
}

/** iproute2 prints empty objects for links that a filter leaves out. */
function isLink(value: unknown): value is IpLink {
  return typeof value === 'object' && value !== null && 'ifname' in value && 'flags' in value;
}

/** Only asked for when some bridge filters VLANs. */
async function dumpVlans(scope: Netns, links: readonly IpLink[]): Promise<readonly PortVlans[]> {
  if (!links.some((link) => link.linkinfo?.info_data?.['vlan_filtering'] === 1)) {
    return [];
  }
  const inScope = await run(['bridge', '-j', 'vlan', 'show'], { netns: scope });
  const inNode = scope === NODE ? undefined : await run(['bridge', '-j', 'vlan', 'show']);
  return [inScope, inNode].flatMap((result) => parseArrays(result?.stdout ?? '').flat() as PortVlans[]);
}

/** NICs (not our own links) whose transmit checksums are computed by the kernel. */
async function rawNicsOf(links: readonly IpLink[], tag: string): Promise<ReadonlySet<string>> {
  const nics = links.filter((link) => {
    const kind = link.linkinfo?.info_kind;
    return link.link_type === 'ether' && (kind === undefined || kind === 'veth') && !isHostEnd(link, tag);
  });
  const answers = await Promise.all(
    nics.map(async ({ ifname }) => {
      const said = await run(['ethtool', '-k', ifname]).catch(() => undefined);
      return /^tx-checksumming: off/m.test(said?.stdout ?? '') ? [ifname] : [];
    }),
  );
  return new Set(answers.flat());
}

async function nodeRoutes(): Promise<readonly RouteView[]> {
  const { stdout } = await run(['ip', '-j', '-d', 'route', 'show', 'table', 'all']);
  return ((parseArrays(stdout)[0] ?? []) as IpRoute[]).flatMap((route) => routeView(route) ?? []);
}

/** `ip monitor` prints text even with `-j` (iproute2 6.1): each line only says that something changed. */
function watch(handler: () => void, signal: AbortSignal): void {
  if (signal.aborted) {
    return;
  }
  // It would notice the end of its reader only with the next event, which may never come.
  const monitor = ['--pdeathsig', 'KILL', '--', 'ip', '-o', 'monitor', 'link', 'address', 'route'];
  const child = spawn('setpriv', monitor, {
    env: commandEnv(),
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  });
  child.stdout.on('data', () => handler());
  // Aborting is the usual end; anything else is followed by a new watch.
  child.on('error', () => undefined);
  child.once('close', () => {
    if (!signal.aborted) {
      setTimeout(() => watch(handler, signal), 1000).unref();
    }
  });
}
