/** Starts an instance and waits until it can be used. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { probeAccelerator } from '#lab/accelerator.ts';
import { chooseDatapath } from '#lab/datapath.ts';
import { requireRoot } from '#lab/files.ts';
import { lockHolder } from '#lab/lock.ts';
import type { InstancePaths } from '#lab/names.ts';
import { isRunning, signalProcess } from '#lab/process.ts';
import { askSupervisor } from '#lab/supervisor-protocol.ts';
import { bringUp, type UpOptions, type UpResult } from '#lab/up.ts';
import { until } from '#lab/wait.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createApiClient } from '#machinery/http-client.ts';
import type { Progress } from './progress.ts';
import { waitForObjects } from './wait-for.ts';

/** How to start an instance. */
export type StartOptions = Pick<UpOptions, 'nodes' | 'port' | 'accelerator' | 'ipFamilies' | 'mtu'> & {
  readonly progress: Progress;
};

/** Longest wait for the API and the nodes, ms: generous, for machines that do other work. */
const readyTimeoutMs = 60_000;
/** A process that was started again this often will not come up by itself. */
const hopelessRestarts = 4;

/** Brings an instance up; resolves once its API answers and every node is Ready. Says why when it does not come up. */
export async function startInstance(paths: InstancePaths, options: StartOptions): Promise<UpResult> {
  requireRoot('up');
  const { progress, ...rest } = options;
  progress.step(`starting instance "${paths.instance}"`);
  const result = await bringUp(paths, {
    ...rest,
    datapath: await chooseDatapath(),
    chooseAccelerator: async (forced) =>
      (await probeAccelerator({ forced, log: (line) => progress.detail(line) })).chosen,
    progress: (line) => progress.detail(line),
  });
  const end = new AbortController();
  try {
    await Promise.race([awaitReady(paths, result, progress, end.signal), watchForCrashes(paths, end.signal)]);
  } finally {
    end.abort();
  }
  progress.done(`${result.plan.nodes.length} nodes Ready, API on https://127.0.0.1:${result.state.port}`);
  return result;
}

async function awaitReady(
  paths: InstancePaths,
  { plan }: UpResult,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const client = createApiClient(paths.kubeconfig);
  try {
    progress.detail('waiting for the API');
    await until('the API', readyTimeoutMs, async () => signal.aborted || (await answers(client)), 50);
    await waitForObjects(client, nodeKind, {
      what: 'every node Ready',
      timeoutMs: readyTimeoutMs,
      signal,
      isReached: (nodes) =>
        plan.nodes.every(({ name }) => nodes.some((one) => one.metadata.name === name && isReady(one))),
      describe: (nodes) =>
        plan.nodes
          .map(({ name }) => `${name} ${describeNode(nodes.find((one) => one.metadata.name === name))}`)
          .join(', '),
      onChange: (text) => progress.detail(text),
    });
  } finally {
    client.close();
  }
}

async function answers(client: ApiClient): Promise<boolean> {
  try {
    await client.request('GET', '/readyz');
    return true;
  } catch (error) {
    if (error instanceof PatchbayError) {
      return false;
    }
    throw error;
  }
}

/** True when a node's `Ready` condition is True. */
export function isReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function describeNode(node: Node | undefined): string {
  if (node === undefined) {
    return 'not registered';
  }
  const condition = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return isReady(node) ? 'Ready' : `NotReady (${condition?.reason ?? 'no Ready condition'})`;
}

/** Rejects when a supervised process keeps ending, with the end of its log. */
async function watchForCrashes(paths: InstancePaths, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const status = await askSupervisor(paths.supervisorSocket, 'status');
    if (status === undefined) {
      throw new PatchbayError('SupervisorFailed', `the supervisor is gone; see ${paths.log}/supervisor.log`);
    }
    const crashing = status.children.find(
      ({ state, restarts }) => state === 'waiting' && restarts >= hopelessRestarts,
    );
    if (crashing !== undefined) {
      const log = path.join(paths.log, `${crashing.name}.log`);
      throw new PatchbayError(
        'ProcessFailed',
        `${crashing.name} ended ${crashing.restarts + 1} times (${crashing.lastExit ?? 'unknown'}); ${log} ends:\n${lastLines(log, 12)}`,
      );
    }
    await delay(300, undefined, { signal }).catch(ignoreAbort);
  }
}

function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error && error.name === 'AbortError')) {
    throw error;
  }
}

function lastLines(file: string, count: number): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}

/** Stays until the supervisor ends; an interrupt stops it. Guests, Open vSwitch and OVN go on. */
export async function followInstance(paths: InstancePaths, progress: Progress): Promise<void> {
  const supervisor = lockHolder(path.join(paths.run, 'supervisor.pid'));
  if (supervisor === undefined) {
    throw new PatchbayError('SupervisorFailed', `the supervisor is gone; see ${paths.log}/supervisor.log`);
  }
  progress.note(`following ${paths.log}; Ctrl-C stops control plane and agents`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => signalProcess(supervisor, 'SIGTERM'));
  }
  while (isRunning(supervisor)) {
    await delay(200);
  }
}
