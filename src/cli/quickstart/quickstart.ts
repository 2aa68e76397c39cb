/** From nothing to two virtual machines that reach each other, proved from inside them. */
import path from 'node:path';
import { type VirtualMachine, virtualMachine } from '#api/kubevirt.io/virtual-machine.ts';
import {
  type VirtualMachineInstance,
  virtualMachineInstance,
} from '#api/kubevirt.io/virtual-machine-instance.ts';
import { buildGuestImage } from '#drivers/image/build.ts';
import { locateInstance } from '#lab/instance.ts';
import { type InstancePaths, imageDir } from '#lab/names.ts';
import type { LabPlan } from '#lab/plan.ts';
import type { ApiClient } from '#machinery/api-client.ts';
import { PatchbayError } from '#machinery/errors.ts';
import { createApiClient } from '#machinery/http-client.ts';
import type { InstanceOptions, OutputOptions } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { createProgress, type Progress } from '../progress.ts';
import { startInstance } from '../start-instance.ts';
import { waitForObjects } from '../wait-for.ts';
import { composeNics, composeProbes, isComplete, type NicRow } from './connectivity.ts';
import { openGuests } from './guest.ts';
import { applyManifest, type Manifest, readManifests } from './manifests.ts';
import { type Measured, measureAll } from './measure.ts';
import { printNextCommands, printReport } from './report.ts';

/** Manifests that are applied. */
const examples = path.resolve(import.meta.dirname, '../../../examples/quickstart');
/** Guests boot in seconds; a machine that does other work is given more. */
const bootTimeoutMs = 120_000;

/** What the quick start found out. */
export interface QuickstartReport {
  readonly nics: readonly NicRow[];
  readonly connectivity: readonly Measured[];
}

/** Runs it. Sets the exit code to 1 when a check fails. A second run finds everything there and measures again. */
export async function runQuickstart(options: InstanceOptions & OutputOptions): Promise<void> {
  const paths = locateInstance(options.name, options.stateDir);
  const progress = createProgress();
  progress.step('guest image');
  await buildGuestImage({ imageDir, log: (line: string) => progress.detail(line) });
  progress.done();
  const { plan } = await startInstance(paths, { nodes: 2, progress });
  const client = createApiClient(paths.kubeconfig);
  try {
    const report = await bringToLife(client, paths, plan, progress);
    const failed = report.connectivity.some(
      ({ ping, tcp, mtu }) => !(ping.passed && tcp.passed && mtu.passed),
    );
    if (options.output === 'json') {
      printJson(report);
    } else {
      printReport(report);
      printNextCommands(paths, report.nics);
    }
    process.exitCode = failed ? exitCodes.failure : exitCodes.ok;
  } finally {
    client.close();
  }
}

async function bringToLife(
  client: ApiClient,
  paths: InstancePaths,
  plan: LabPlan,
  progress: Progress,
): Promise<QuickstartReport> {
  const manifests = readManifests(examples);
  await applyAll(client, manifests, progress);
  const vmis = await awaitGuests(client, manifests, progress);
  progress.step('measuring from inside the guests');
  const guests = openGuests(paths.kubeconfig, (node) => addressOf(plan, node));
  try {
    const probes = composeProbes(vmis);
    const connectivity = await measureAll(probes, guests.run, ({ from, to, network }, done) =>
      progress.detail(`${done}/${probes.length} ${from} → ${to} on ${network}`),
    );
    progress.done(`${connectivity.length} paths`);
    return { nics: vmis.flatMap(composeNics), connectivity };
  } finally {
    guests.close();
  }
}

async function applyAll(
  client: ApiClient,
  manifests: readonly Manifest[],
  progress: Progress,
): Promise<void> {
  progress.step('applying examples/quickstart');
  for (const manifest of manifests) {
    const applied = await applyManifest(client, manifest, (text) => progress.note(`warning: ${text}`));
    progress.detail(`${manifest.kind.kind} ${manifest.object.metadata.name} ${applied}`);
  }
  progress.done();
}

/** Waits until every VM of the manifests runs, its agent talks, and all its addresses are known. */
async function awaitGuests(
  client: ApiClient,
  manifests: readonly Manifest[],
  progress: Progress,
): Promise<readonly VirtualMachineInstance[]> {
  const names = manifests
    .filter(({ kind }) => kind.kind === virtualMachine.kind)
    .map(({ object }) => `${object.metadata.namespace ?? ''}/${object.metadata.name}`);
  const isOne = ({ metadata }: VirtualMachine | VirtualMachineInstance) =>
    names.includes(`${metadata.namespace ?? ''}/${metadata.name}`);
  progress.step('booting virtual machines');
  const end = new AbortController();
  const statuses = new Map<string, string>();
  // The VM's status says in one word what its instance cannot: that it is not scheduled, and the like.
  const follow = waitForObjects(client, virtualMachine, {
    what: 'virtual machines',
    timeoutMs: bootTimeoutMs,
    signal: end.signal,
    isReached: () => false,
    describe: (vms) => {
      for (const vm of vms) {
        statuses.set(vm.metadata.name, vm.status?.printableStatus ?? 'Stopped');
      }
      return '';
    },
  }).catch(ignoreInterrupt);
  try {
    const vmis = await waitForObjects(client, virtualMachineInstance, {
      what: 'virtual machines running with all addresses known',
      timeoutMs: bootTimeoutMs,
      isReached: (found) => found.filter(isOne).filter(isComplete).length === names.length,
      describe: (found) =>
        names
          .map((name) => name.split('/')[1] ?? name)
          .map(
            (name) =>
              `${name} ${describeVmi(
                found.find(({ metadata }) => metadata.name === name),
                statuses.get(name),
              )}`,
          )
          .join(', '),
      onChange: (text) => progress.detail(text),
    });
    progress.done();
    return vmis.filter(isOne).toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  } finally {
    end.abort();
    await follow;
  }
}

function ignoreInterrupt(error: unknown): void {
  if (!(error instanceof PatchbayError && (error.reason === 'Interrupted' || error.reason === 'TimedOut'))) {
    throw error;
  }
}

function describeVmi(vmi: VirtualMachineInstance | undefined, printable = 'Stopped'): string {
  if (vmi === undefined) {
    return printable;
  }
  if (vmi.status?.phase !== 'Running') {
    return printable === 'ErrorUnschedulable' ? printable : (vmi.status?.phase ?? 'Pending');
  }
  const isConnected = vmi.status.conditions?.some(
    ({ type, status }) => type === 'AgentConnected' && status === 'True',
  );
  if (isConnected !== true) {
    return 'Running, guest boots';
  }
  return isComplete(vmi) ? 'Running, agent connected' : 'Running, agent connected, no address yet';
}

function addressOf(plan: LabPlan, node: string): string {
  const found = plan.nodes.find(({ name }) => name === node);
  if (found === undefined) {
    throw new PatchbayError('UnknownNode', `node ${JSON.stringify(node)} is not one of this instance`);
  }
  return found.address;
}
