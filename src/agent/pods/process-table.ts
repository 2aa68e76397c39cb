/** One process table for all containers of a pod: held by a process that does nothing else, as kubelet's pause container. */
import type { Pod } from '#api/core/pod.ts';
import type { ContainerDriver, ContainerView } from '#drivers/pod/driver.ts';
import { PatchbayError } from '#machinery/errors.ts';
import type { ContainerState, ContainerUser } from '#node-state/container.ts';
import { hostnameOf } from './environment.ts';
import { latest } from './plan.ts';

/** Name of the run that holds the table; no container of a manifest can have it. */
const holderName = 'POD';
const nobody: ContainerUser = { uid: 65535, gid: 65535, groups: [] };

/** False for the run that holds the table. */
export function isOfManifest({ container }: ContainerView): boolean {
  return container.name !== holderName;
}

/** Id of the run that holds the pod's process table, started when it is not there; undefined when each container has its own. */
export async function ensureProcessTable(
  driver: ContainerDriver,
  pod: Pod,
  netns: string,
): Promise<string | undefined> {
  if (pod.spec.shareProcessNamespace !== true) {
    return undefined;
  }
  const known = latest(driver.list(pod.metadata.uid ?? ''), holderName);
  if (known?.phase.type === 'running') {
    return known.id;
  }
  const attempt = known === undefined ? 0 : known.container.attempt + 1;
  const { id, phase } = await driver.start(composeHolder(pod, netns, attempt));
  if (phase.type === 'exited') {
    throw new PatchbayError(
      'CreateContainerError',
      `the pod's process table: ${phase.startError ?? 'it ended'}`,
    );
  }
  return id;
}

function composeHolder(pod: Pod, netns: string, attempt: number): ContainerState {
  return {
    podUid: pod.metadata.uid ?? '',
    name: holderName,
    attempt,
    netns,
    hostname: hostnameOf(pod),
    image: 'localhost/host',
    imageId: 'host',
    root: { type: 'host' },
    readOnlyRoot: true,
    // Who ignores the end of children has none that linger: those whose parent is gone become its own.
    argv: ['env', '--ignore-signal=CHLD', 'sleep', 'infinity'],
    env: ['PATH=/usr/bin:/bin'],
    cwd: '/',
    user: nobody,
    capabilities: [],
    noNewPrivileges: true,
    mounts: [],
    resources: { cpuShares: 2, pids: 16 },
    terminal: false,
    stdin: false,
    stdinOnce: false,
    terminationLog: '/dev/termination-log',
    stopSignal: 'SIGKILL',
  };
}
