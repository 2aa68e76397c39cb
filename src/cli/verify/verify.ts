/** `patchbay verify`: who reaches whom and who must not, measured from inside pods and guests. */
import { randomInt } from 'node:crypto';
import { pod } from '#api/core/pod.ts';
import { networkAttachmentDefinition } from '#api/k8s.cni.cncf.io/network-attachment-definition.ts';
import { virtualMachineInstance } from '#api/kubevirt.io/virtual-machine-instance.ts';
import { nodeNetworkState } from '#api/nmstate.io/node-network-state.ts';
import { locateInstance, requireInstance } from '#lab/instance.ts';
import { composeLab } from '#lab/plan.ts';
import { messageOf, PatchbayError } from '#machinery/errors.ts';
import { createApiClient } from '#machinery/http-client.ts';
import { type Cell, composeCells, type Expectation } from '#verify/cells.ts';
import { judge } from '#verify/judge.ts';
import { listNics, type Nic, type World } from '#verify/nics.ts';
import { type Selection, selectNics } from '#verify/select.ts';
import { openAgents } from '../agents.ts';
import type { InstanceOptions, OutputOptions } from '../command.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { createProgress, type Progress } from '../progress.ts';
import { measureCells } from './measure.ts';
import { composeReport, exitCodeOf, type Matrix, printMatrix } from './report.ts';
import { answerTimeoutMs, openSites } from './sites.ts';

/** Options of the command. */
export interface VerifyOptions extends InstanceOptions, OutputOptions, Selection {
  /** Seconds for all of it. */
  readonly timeout: number;
  /** Seconds that a NIC is waited for before anything is measured. */
  readonly settle: number;
  /** Seconds that an expected answer is waited for. */
  readonly wait: number;
  readonly peers: number;
  readonly expect?: Expectation;
}

/** More than this is no check any more, but a load. */
const maxCells = 20_000;
/** Clocks of guests that were started on a busy machine without KVM run several times too fast. */
const clockSlack = 6;
/** Below the ports that kernels choose themselves, and those of live migration. */
const portRange = { from: 20_000, to: 30_000 };

/** Runs it; the exit code is 0 when every cell is as expected, 1 when one differs, 2 when it could not be run. */
export async function runVerify(options: VerifyOptions): Promise<void> {
  const progress = createProgress();
  const end = new AbortController();
  const interrupt = (): void =>
    end.abort(new PatchbayError('Interrupted', 'interrupted; what was started has been stopped'));
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) {
    process.once(signal, interrupt);
  }
  try {
    const results = await verify(options, progress, AbortSignal.any([end.signal, deadline(options.timeout)]));
    if (options.output === 'json') {
      printJson(composeReport(results));
    } else {
      printMatrix(results);
    }
    process.exitCode = exitCodeOf(results);
  } catch (error) {
    if (!(error instanceof PatchbayError || (error instanceof Error && error.name === 'TimeoutError'))) {
      throw error;
    }
    const isLate = error.name === 'TimeoutError';
    progress.note(
      `error: ${isLate ? `not finished within ${options.timeout} s; allow more with --timeout, or choose less` : messageOf(error)}`,
    );
    process.exitCode = exitCodes.notRun;
  } finally {
    for (const signal of signals) {
      process.removeListener(signal, interrupt);
    }
  }
}

function deadline(seconds: number): AbortSignal {
  return AbortSignal.timeout(seconds * 1000);
}

async function verify(options: VerifyOptions, progress: Progress, signal: AbortSignal): Promise<Matrix> {
  const paths = locateInstance(options.name, options.stateDir);
  const { nodes } = composeLab({ ...requireInstance(paths), paths });
  progress.step('reading the API');
  const nics = selectNics(listNics(await readWorld(paths.kubeconfig)), options);
  const ports = choosePorts(nics);
  const cells = checked(composeCells(nics, { ports, peers: options.peers, expect: options.expect }), nics);
  progress.done(`${nics.length} NICs, ${cells.length} cells`);
  progress.step('probing');
  const agents = openAgents(
    paths.kubeconfig,
    (node) => nodes.find(({ name }) => name === node)?.address ?? node,
    { requestTimeoutMs: answerTimeoutMs },
  );
  try {
    const { observed, unsettled } = await measureCells(cells, {
      sites: openSites(agents, signal),
      udpPort: ports.udp,
      settleSeconds: options.settle,
      answerSeconds: options.wait,
      lifeSeconds: Math.min(options.timeout * clockSlack, 3600),
      signal,
      onProbed: (done) => progress.detail(`${done}/${cells.length}`),
    });
    progress.done(`${cells.length} cells`);
    return { nics, unsettled, results: judge(cells, observed) };
  } finally {
    agents.close();
  }
}

async function readWorld(kubeconfig: string): Promise<World> {
  const client = createApiClient(kubeconfig);
  try {
    const [pods, vmis, definitions, nodeStates] = await Promise.all([
      client.list(pod),
      client.list(virtualMachineInstance),
      client.list(networkAttachmentDefinition),
      client.list(nodeNetworkState),
    ]);
    return {
      pods: pods.items,
      vmis: vmis.items,
      definitions: definitions.items,
      nodeStates: nodeStates.items,
    };
  } finally {
    client.close();
  }
}

/** Ports that no interface lists or opens, so that they are closed where others are. */
function choosePorts(nics: readonly Nic[]): { readonly tcp: number; readonly udp: number } {
  const listed = nics.flatMap(({ lets = [], opens = [] }) => [
    ...lets,
    ...opens.flatMap((one) => (one.protocol === 'icmp' ? [] : [{ from: one.port, to: one.port }])),
  ]);
  const free = (): number => {
    const port = randomInt(portRange.from, portRange.to);
    return listed.some(({ from, to }) => port >= from && port <= to) ? free() : port;
  };
  return { tcp: free(), udp: free() };
}

function checked(cells: readonly Cell[], nics: readonly Nic[]): readonly Cell[] {
  if (cells.length === 0) {
    const untested = nics.map(({ untested }) => untested).filter((why) => why !== undefined);
    const why =
      untested.length === 0 ? '' : ` (${untested.length} of them: ${[...new Set(untested)].join(', ')})`;
    throw new PatchbayError(
      'NothingToVerify',
      `of ${nics.length} NICs${why} no two can be tried against each other; start pods or virtual machines, or choose more`,
      { retryable: false },
    );
  }
  if (cells.length > maxCells) {
    throw new PatchbayError(
      'TooManyCells',
      `${cells.length} cells; allowed are ${maxCells}: choose with --namespace, --network, --vm, --pod, or lower --peers`,
      { retryable: false },
    );
  }
  return cells;
}
