/** Prints what an instance consists of. */
import { type Node, node as nodeKind } from '#api/core/node.ts';
import { type Pod, pod as podKind } from '#api/core/pod.ts';
import { locateInstance, requireInstance } from '#lab/instance.ts';
import type { InstancePaths } from '#lab/names.ts';
import { composeLab } from '#lab/plan.ts';
import { observeLab, type ProcessStatus, processGroups } from '#lab/status.ts';
import { messageOf } from '#machinery/errors.ts';
import { createApiClient } from '#machinery/http-client.ts';
import type { InstanceOptions, OutputOptions } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { formatKib, printJson, printTable } from './output.ts';
import { isReady } from './start-instance.ts';

/** What the API says, or why it says nothing. */
interface ApiView {
  readonly nodes: readonly Node[];
  readonly pods: readonly Pod[];
  readonly problem?: string;
}

/** Exits with 1 when the API does not answer or a node is not Ready. */
export async function showStatus(options: InstanceOptions & OutputOptions): Promise<void> {
  const paths = locateInstance(options.name, options.stateDir);
  const state = requireInstance(paths);
  const plan = composeLab({ ...state, paths });
  const [lab, api] = await Promise.all([observeLab(paths), askApi(paths)]);
  const nodes = plan.nodes.map(({ name, netns, address }) => {
    const found = api.nodes.find((one) => one.metadata.name === name);
    return { name, address, netns, ready: found !== undefined && isReady(found) };
  });
  const sandboxes = lab.sandboxes.map(({ netns, node, podUid }) => {
    const pod = api.pods.find(({ metadata }) => metadata.uid === podUid);
    return {
      namespace: pod?.metadata.namespace ?? '',
      pod: pod?.metadata.name ?? '',
      vm: pod?.metadata.labels?.['vm.kubevirt.io/name'] ?? '',
      node,
      netns,
    };
  });
  const totals = sumByGroup(lab.processes);
  const status = {
    instance: paths.instance,
    api: {
      server: `https://127.0.0.1:${state.port}`,
      answers: api.problem === undefined,
      problem: api.problem,
    },
    kubeconfig: paths.kubeconfig,
    processes: lab.processes,
    memoryKib: Object.fromEntries(totals.map(({ label, kib }) => [label, kib])),
    nodes,
    sandboxes,
  };
  if (options.output === 'json') {
    printJson(status);
  } else {
    printStatus(status, totals);
  }
  if (api.problem !== undefined || nodes.some(({ ready }) => !ready)) {
    process.exitCode = exitCodes.failure;
  }
}

async function askApi(paths: InstancePaths): Promise<ApiView> {
  const client = createApiClient(paths.kubeconfig);
  try {
    const [nodes, pods] = await Promise.all([client.list(nodeKind), client.list(podKind)]);
    return { nodes: nodes.items, pods: pods.items };
  } catch (error) {
    return { nodes: [], pods: [], problem: messageOf(error) };
  } finally {
    client.close();
  }
}

interface Total {
  readonly label: string;
  readonly kib: number;
}

/** Memory by group; agents and switches by node. */
function sumByGroup(processes: readonly ProcessStatus[]): readonly Total[] {
  const sums = new Map<string, number>();
  for (const group of processGroups) {
    for (const { group: own, node, pssKib } of processes) {
      if (own === group) {
        const label = node === undefined || group === 'VM' ? group : `${group} ${node}`;
        sums.set(label, (sums.get(label) ?? 0) + (pssKib ?? 0));
      }
    }
  }
  return [...sums].map(([label, kib]) => ({ label, kib }));
}

interface Status {
  readonly instance: string;
  readonly api: { readonly server: string; readonly problem: string | undefined };
  readonly kubeconfig: string;
  readonly processes: readonly ProcessStatus[];
  readonly nodes: readonly { name: string; address: string; netns: string; ready: boolean }[];
  readonly sandboxes: readonly { namespace: string; pod: string; vm: string; node: string; netns: string }[];
}

function printStatus(status: Status, totals: readonly Total[]): void {
  const { instance, api, kubeconfig, processes, nodes, sandboxes } = status;
  const answer = api.problem === undefined ? 'answers' : `does not answer: ${api.problem}`;
  process.stdout.write(
    `instance     ${instance}\nAPI          ${api.server} ${answer}\nKUBECONFIG   ${kubeconfig}\n\n`,
  );
  printTable(
    ['GROUP', 'PROCESS', 'NODE', 'PID', 'PSS'],
    processes.map(({ group, name, node, pid, pssKib }) => [
      group,
      name,
      node ?? '',
      String(pid),
      pssKib === undefined ? '?' : formatKib(pssKib),
    ]),
  );
  process.stdout.write('\n');
  const withoutVms = totals.filter(({ label }) => label !== 'VM').reduce((sum, { kib }) => sum + kib, 0);
  printTable(
    ['MEMORY', 'PSS'],
    [...totals.map(({ label, kib }) => [label, formatKib(kib)]), ['all but VMs', formatKib(withoutVms)]],
  );
  process.stdout.write('\n');
  printTable(
    ['NODE', 'ADDRESS', 'NETWORK NAMESPACE', 'READY'],
    nodes.map(({ name, address, netns, ready }) => [
      name,
      address,
      netns,
      ready ? { text: 'True', style: 'green' as const } : { text: 'False', style: 'red' as const },
    ]),
  );
  if (sandboxes.length > 0) {
    process.stdout.write('\n');
    printTable(
      ['NAMESPACE', 'POD', 'VM', 'NODE', 'NETWORK NAMESPACE'],
      sandboxes.map(({ namespace, pod, vm, node, netns }) => [namespace, pod, vm, node, netns]),
    );
  }
}
